// SPDX-License-Identifier: Apache-2.0

#include "accounting/service/socket_access.hpp"

#include <endian.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <linux/xattr.h>
#include <sys/xattr.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

namespace sluice::service {
namespace {

constexpr std::uint16_t read_write = ACL_READ | ACL_WRITE;

/// The kernel's form of an access list: acl(5) says what belongs into it and in which order.
class AccessList {
 public:
  AccessList() {
    const posix_acl_xattr_header header{htole32(POSIX_ACL_XATTR_VERSION)};
    append(&header, sizeof header);
  }
  void add(std::uint16_t tag, std::uint16_t permissions, std::uint32_t id = static_cast<std::uint32_t>(ACL_UNDEFINED_ID)) {
    const posix_acl_xattr_entry entry{htole16(tag), htole16(permissions), htole32(id)};
    append(&entry, sizeof entry);
  }
  [[nodiscard]] const std::string& bytes() const { return bytes_; }

 private:
  void append(const void* data, std::size_t size) { bytes_.append(static_cast<const char*>(data), size); }

  std::string bytes_;
};

}  // namespace

Result<void> let_connect(const std::string& path, const std::set<uid_t>& users) {
  AccessList list;
  list.add(ACL_USER_OBJ, read_write);
  for (const uid_t user : users) list.add(ACL_USER, read_write, user);
  list.add(ACL_GROUP_OBJ, 0);
  list.add(ACL_MASK, read_write);
  list.add(ACL_OTHER, 0);
  if (::setxattr(path.c_str(), XATTR_NAME_POSIX_ACL_ACCESS, list.bytes().data(), list.bytes().size(), 0) == 0) return {};
  return fault("couldn't set an access list on " + path + ": " + std::strerror(errno));
}

}  // namespace sluice::service
