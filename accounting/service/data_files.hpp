// SPDX-License-Identifier: Apache-2.0
//
// The small files that the service keeps beside its ledger: the key of its tags, and
// the last configuration that was good. What is written is whole and on disk, or isn't there.

#pragma once

#include <string>

#include "accounting/core/result.hpp"

namespace sluice::service {

/// Replaces `file`; nobody else may read it.
Result<void> write_durably(const std::string& file, const std::string& text);

/// The key of this service's tags: made once, never leaves the host. One that is too short
/// to be ours is a fault: with a new key in its place the tags of running jobs aren't believed.
[[nodiscard]] Result<std::string> tag_key(const std::string& data_dir);

/// Lies in a folder that no configuration names: it is wanted where that can't be read.
Result<void> keep_last_good(const std::string& folder, const std::string& config_file, const std::string& text);
/// What was kept of that very file.
[[nodiscard]] Result<std::string> last_good(const std::string& folder, const std::string& config_file);

}  // namespace sluice::service
