# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2153,SC2154  # variables of layout.bash and testbed
#
# Writes every file of the testbed: directories, users, and the configuration of
# munge, MariaDB, Slurm, Open MPI and Sluice. Starts nothing.

write_tree() {
  local site host
  mkdir -p "$DIR"/{state/{hosts,daemons},log/up,sites,hosts,db}
  for site in "${SITES[@]}"; do
    mkdir -p "$DIR/sites/$site"/{etc/{slurm,sluice,munge},munge,home,root,slurmctld}
    # Users may pass through: a checkout below /root must work on the hosts.
    chmod 0711 "$DIR/sites/$site/root"
    chown munge:munge "$DIR/sites/$site/munge"
    chown slurm:slurm "$DIR/sites/$site/slurmctld"
    write_munge_key "$DIR/sites/$site/etc/munge"
    write_homes "$DIR/sites/$site/home"
    write_slurm_conf "$site" "$DIR/sites/$site/etc/slurm"
    if [[ $PLAIN == no ]]; then write_sluice_config "$site" "$DIR/sites/$site/etc/sluice"; fi
  done
  write_slurmdbd_conf "$DIR/sites/cq/etc/slurm"
  for host in "${HOSTS[@]}" "$WAN_HOST"; do write_host "$host"; done
  write_mariadb_conf "$DIR/hosts/db/etc/mysql"
  write_libraries
}

# One key for both sites: Slurm lets sites share a slurmdbd only so.
write_munge_key() {
  local key=$DIR/state/munge.key
  [[ -e $key ]] || (umask 077 && head -c 1024 /dev/urandom >"$key")
  install -m 0400 -o munge -g munge "$key" "$1/munge.key"
  chown munge:munge "$1"
  chmod 0700 "$1"
}

write_homes() {
  local user uid shell
  while read -r user uid shell; do
    if [[ $shell == */bash ]]; then install -d -m 0700 -o "$uid" -g "$uid" "$1/$user"; fi
  done < <(users)
}

users() { sed '/^$/d' <<<"$USER_TABLE"; }

# The upper layer of one host's /etc, and its private directories.
write_host() {
  local host=$1 own=$DIR/hosts/$1 etc=$DIR/hosts/$1/etc log=$DIR/log/$1 name
  mkdir -p "$own"/{etc,etc.work,varlib,varlib.work,run,tmp,vartmp,slurm/{slurmctld,slurmd},munge,sluice,mysql}
  mkdir -p "$etc"/{slurm,sluice,munge,openmpi,mysql} "$own/varlib"/{slurm,munge,sluice,mysql}
  mkdir -p "$log"/{slurm,munge,mysql}
  chmod 1777 "$own/vartmp"
  # 6100 is user sluice, which this machine outside the testbed need not have.
  chown 6100:6100 "$own/sluice"
  chmod 0700 "$own/sluice"
  chown slurm:slurm "$own/slurm" "$own/slurm"/* "$log/slurm"
  chown munge:munge "$own/munge" "$log/munge"
  chmod 0711 "$own/munge"
  chown mysql:mysql "$own/mysql" "$log/mysql"

  echo "$host" >"$etc/hostname"
  : >"$etc/resolv.conf"
  sed 's/^hosts:.*/hosts: files/' /etc/nsswitch.conf >"$etc/nsswitch.conf"
  {
    echo '127.0.0.1 localhost'
    for name in "${HOSTS[@]}"; do echo "${ADDRESS_OF[$name]} $name"; done
  } >"$etc/hosts"

  # Accounts of this machine whose name or number we use would shadow ours.
  local mine
  mine=$(users | awk '{ printf "%s^%s:|^[^:]*:[^:]*:%s:", (NR > 1 ? "|" : ""), $1, $2 }')
  { grep -Ev "$mine" /etc/passwd; users | awk '{ print $1 ":x:" $2 ":" $2 "::/home/" $1 ":" $3 }'; } >"$etc/passwd"
  { grep -Ev "$mine" /etc/group; users | awk '{ print $1 ":x:" $2 ":" }'; } >"$etc/group"
  (umask 077; { cat /etc/shadow; users | awk '{ print $1 ":*:19000:0:99999:7:::" }'; } >"$etc/shadow")

  # MPI sees real hosts here, so it must talk to them as such.
  {
    if [[ -r /etc/openmpi/openmpi-mca-params.conf ]]; then grep -Ev '^(btl|pml) *=' /etc/openmpi/openmpi-mca-params.conf || true; fi
    printf '%s\n' 'btl = tcp,self' 'pml = ob1' 'btl_tcp_if_include = eth0'
  } >"$etc/openmpi/openmpi-mca-params.conf"
}

write_mariadb_conf() {
  # Durability is not what is tested here, starting quickly is. slurmdbd warns
  # about a buffer pool below 1 GiB only in its log.
  cat >"$1/testbed.cnf" <<'CNF'
[mariadbd]
user = mysql
datadir = /var/lib/mysql
socket = /run/mysqld/mysqld.sock
pid-file = /run/mysqld/mysqld.pid
skip-networking
skip-log-bin
skip-name-resolve
performance_schema = off
# As Debian's own configuration has it; its default would make ?? of 训练.
character-set-server = utf8mb4
collation-server = utf8mb4_general_ci
innodb_buffer_pool_size = 256M
innodb_log_file_size = 64M
innodb_flush_log_at_trx_commit = 2
innodb_lock_wait_timeout = 900
innodb_doublewrite = 0
max_allowed_packet = 64M
CNF
}

write_slurmdbd_conf() {
  cat >"$1/slurmdbd.conf" <<'CONF'
AuthType=auth/munge
DbdHost=db
SlurmUser=slurm
DebugLevel=info
LogFile=/var/log/slurm/slurmdbd.log
PidFile=/run/slurm/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=slurm
StoragePass=slurm
StorageLoc=slurm_acct_db
MessageTimeout=10
CONF
  # slurmdbd refuses to start where others can read the password.
  chmod 0600 "$1/slurmdbd.conf"
  chown slurm:slurm "$1/slurmdbd.conf"
}

# The primary first, as SlurmctldHost wants them.
controllers_of() { # controllers_of SITE
  local host
  echo "${CONTROLLER_OF[$1]}"
  for host in "${HOSTS[@]}"; do
    if [[ ${ROLE_OF[$host]} == backup && ${SITE_OF[$host]} == "$1" ]]; then echo "$host"; fi
  done
}

slurm_plugin_dir() {
  local plugin
  plugin=$(compgen -G "${ROOT%/}/usr/lib/*/slurm-wlm/auth_munge.so" | head -n 1) || true
  plugin=${plugin#"${ROOT%/}"}
  echo "${plugin%/*}"
}

# What Sluice's programs need of this machine's libraries and the root has none of: all
# else they find there, as libraries only ever become newer.
write_libraries() {
  local library
  mkdir -p "$DIR/lib"
  if [[ $ROOT == / ]]; then return; fi
  for library in $(ldd "$BUILD"/bin/{sluice,sluiced,slurm_ask} 2>/dev/null | awk '$2 == "=>" { print $3 }' | sort -u); do
    if ! compgen -G "$ROOT/usr/lib/*/${library##*/}" >/dev/null; then cp -L "$library" "$DIR/lib"; fi
  done
}

write_slurm_conf() {
  local site=$1 etc=$2 plugins='' submit='' tres nodes shape build mpi=none
  build=$(version_build)
  # Debian's packages of 26.05 are built without PMIx.
  if [[ -e ${ROOT%/}$(slurm_plugin_dir)/mpi_pmix.so ]]; then mpi=pmix; fi
  shape="CPUs=$NODE_CPUS Sockets=2 CoresPerSocket=$((NODE_CPUS / 2)) ThreadsPerCore=1 RealMemory=$NODE_MEMORY_MB"
  if [[ $PLAIN == no ]]; then
    if [[ -e $build/lib/job_submit_sluice.so ]]; then
      plugins="PluginDir=$(slurm_plugin_dir):$build/lib"
      submit='JobSubmitPlugins=sluice'
    fi
    if [[ -e $build/lib/spank_sluice.so ]]; then
      echo "optional $build/lib/spank_sluice.so" >"$etc/plugstack.conf"
    fi
  fi
  case $site in
    cq)
      tres=gres/gpu,gres/gpu:a100
      nodes="NodeName=super[1-2] $shape Feature=super
NodeName=ai[1-2] $shape Feature=ai Gres=gpu:a100:4
PartitionName=super Nodes=super[1-2] Default=YES DefaultTime=10 MaxTime=1-00:00:00
PartitionName=ai Nodes=ai[1-2] DefaultTime=10 MaxTime=1-00:00:00
# Spans both kinds of node: an MPI job over two partitions does not start with PMIx.
PartitionName=bridge Nodes=super[1-2],ai[1-2] MaxTime=INFINITE
# A partition that no price book knows.
PartitionName=free Nodes=super[1-2] DefaultTime=10 MaxTime=1-00:00:00"
      echo 'NodeName=ai[1-2] Name=gpu Type=a100 File=/run/gpu/[0-3]' >"$etc/gres.conf"
      ;;
    hami)
      tres=gres/gpu,gres/gpu:ascend
      nodes="NodeName=npu[1-2] $shape Feature=npu Gres=gpu:ascend:4
PartitionName=npu Nodes=npu[1-2] Default=YES DefaultTime=10 MaxTime=1-00:00:00"
      echo 'NodeName=npu[1-2] Name=gpu Type=ascend File=/run/gpu/[0-3]' >"$etc/gres.conf"
      ;;
  esac

  cat >"$etc/slurm.conf" <<CONF
ClusterName=$site
$(controllers_of "$site" | sed 's/^/SlurmctldHost=/')
SlurmUser=slurm
AuthType=auth/munge
$plugins
$submit
StateSaveLocation=/var/lib/slurm/slurmctld
SlurmdSpoolDir=/var/lib/slurm/slurmd
SlurmctldPidFile=/run/slurm/slurmctld.pid
SlurmdPidFile=/run/slurm/slurmd.pid
SlurmctldLogFile=/var/log/slurm/slurmctld.log
SlurmdLogFile=/var/log/slurm/slurmd.log
SlurmctldDebug=info
SlurmdDebug=info

# The machine has fewer CPUs than its nodes claim.
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
DefMemPerCPU=500
GresTypes=gpu
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
PrologFlags=contain
MpiDefault=$mpi
JobAcctGatherType=jobacct_gather/linux
JobCompType=jobcomp/none
MailProg=/bin/true
PropagateResourceLimits=NONE
ReturnToService=2

AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=db
AccountingStorageTRES=$tres
AccountingStorageEnforce=associations,limits
AccountingStoreFlags=job_comment

# Quick, so that a test waits for what it tests and not for a timer.
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=1,sched_interval=5,bf_interval=5,bf_max_job_test=1000
SlurmctldTimeout=20
SlurmdTimeout=20
MessageTimeout=10
KillWait=2
OverTimeLimit=0
InactiveLimit=0
MinJobAge=300
# Nothing is preempted until a test gives one partition another's PriorityTier.
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
ScronParameters=enable
MaxJobCount=$MAX_JOBS
MaxArraySize=$((MAX_JOBS < 10001 ? MAX_JOBS : 10001))

$nodes
CONF
  # The machine's cgroups are nobody's of the testbed. 22.05 has no way to say so, and
  # with these settings uses none.
  case $SLURM in
    22.05) echo 'CgroupAutomount=no' ;;
    *) echo 'CgroupPlugin=disabled' ;;
  esac >"$etc/cgroup.conf"
  # Private per host; PMIx's files of two hosts must not meet.
  echo 'PMIxCliTmpDirBase=/var/tmp' >"$etc/mpi.conf"
}

# Copies the site's directory of the test suite, where there is one.
write_sluice_config() {
  local site=$1 etc=$2 source=$REPO/tests/cluster/site/$1 file text
  [[ -d $source ]] || return 0
  while IFS= read -r -d '' file; do
    text=$(cat "$source/$file" && echo x)
    text=${text%x}
    text=${text//@MODE@/"$MODE"}
    text=${text//@BUILD@/"$BUILD"}
    mkdir -p "$etc/$(dirname "$file")"
    printf '%s' "$text" >"$etc/$file"
  done < <(cd "$source" && find . -type f -print0)
  chmod -R u=rwX,go=rX "$etc"
}
