// SPDX-License-Identifier: Apache-2.0

#include "accounting/slurm/child/fault.hpp"

#include <cerrno>

#include "accounting/slurm/child/slurm_headers.hpp"

namespace sluice::slurm {
namespace {

bool is_connection_trouble(int number) {
  switch (number) {
    case 0:  // a connection that broke in the middle of an answer leaves no number
    case SLURM_ERROR:
    case EPIPE:
    case EAGAIN:
    case ENOTCONN:
    case ECONNREFUSED:
    case ECONNRESET:
    case ECONNABORTED:
    case ETIMEDOUT:
    case EHOSTUNREACH:
    case EHOSTDOWN:
    case ENETUNREACH:
    case ENETDOWN:
    case ESLURM_DB_CONNECTION:
    case SLURM_COMMUNICATIONS_CONNECTION_ERROR:
    case SLURM_COMMUNICATIONS_SEND_ERROR:
    case SLURM_COMMUNICATIONS_RECEIVE_ERROR:
    case SLURM_COMMUNICATIONS_SHUTDOWN_ERROR:
    case SLURMCTLD_COMMUNICATIONS_CONNECTION_ERROR:
    case SLURMCTLD_COMMUNICATIONS_SEND_ERROR:
    case SLURMCTLD_COMMUNICATIONS_RECEIVE_ERROR:
    case SLURMCTLD_COMMUNICATIONS_SHUTDOWN_ERROR:
    case SLURM_PROTOCOL_SOCKET_IMPL_TIMEOUT:
    case SLURM_PROTOCOL_SOCKET_ZERO_BYTES_SENT:
      return true;
    default:
      return false;
  }
}

}  // namespace

HelperFault fault_from_errno(const std::string& what) {
  const int number = errno;
  const std::string why = number > 0 ? text_of(slurm_strerror(number)) : "the connection broke";
  return {"couldn't " + what + ": " + why, number, is_connection_trouble(number)};
}

}  // namespace sluice::slurm
