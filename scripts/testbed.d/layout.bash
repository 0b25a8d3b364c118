# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2034  # read by the files that source this one
#
# Who is who in the testbed: sites, hosts, users, and where their files lie.
# Data only, and what turns it into arrays.

# host site address role
#
# One flat network: Slurm needs nothing else of it, and a host is told apart
# from its site by the third number of its address.
readonly HOST_TABLE='
cqctl   cq   10.77.1.1  controller
login   cq   10.77.1.2  login
db      cq   10.77.1.3  database
super1  cq   10.77.1.11 compute
super2  cq   10.77.1.12 compute
ai1     cq   10.77.1.21 compute
ai2     cq   10.77.1.22 compute
hamictl hami 10.77.2.1  controller
npu1    hami 10.77.2.11 compute
npu2    hami 10.77.2.12 compute
'
# With `up --backup` only: runs the slurmctld that takes over from cqctl's.
readonly BACKUP_TABLE='
cqctl2  cq   10.77.1.4  backup
'

# A namespace without a host in it: the two sites' switches and the line between them.
readonly WAN_HOST=wan
readonly SITES=(cq hami)
readonly FEDERATION=west

declare -A SITE_OF=([wan]=cq) ADDRESS_OF=() ROLE_OF=()
HOSTS=()
add_hosts() { # add_hosts TABLE
  local host site address role
  while read -r host site address role; do
    [[ -n $host && -z ${SITE_OF[$host]-} ]] || continue
    HOSTS+=("$host")
    SITE_OF[$host]=$site
    ADDRESS_OF[$host]=$address
    ROLE_OF[$host]=$role
  done <<<"$1"
}
add_hosts "$HOST_TABLE"

declare -rA CONTROLLER_OF=([cq]=cqctl [hami]=hamictl)

# user uid shell; the group has the same name and number. sluice runs the service.
readonly USER_TABLE='
sluice      6100 /usr/sbin/nologin
researcher1 6001 /bin/bash
researcher2 6002 /bin/bash
finance1    6011 /bin/bash
finance2    6012 /bin/bash
auditor1    6013 /bin/bash
'

# Emulated line: one-way delay as measured between the two cities, no loss, no limit.
readonly WAN_DELAY_MS=17 WAN_LOSS_PERCENT=0 WAN_RATE_MBIT=0

readonly NODE_CPUS=4 NODE_MEMORY_MB=4000
