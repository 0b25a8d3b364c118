// SPDX-License-Identifier: Apache-2.0
//
// What a thread says of itself to the kernel.

#pragma once

namespace sluice {

/// What the calling thread is called in `top -H` and `ps -L`. At most 15 bytes count.
void name_thread(const char* name);

/// For good: the calling thread runs before whatever has no fixed priority. Without the right to it,
/// RLIMIT_RTPRIO, it runs as any other: false.
bool go_first();

/// The calling thread runs on this processor alone, until it is told of another. Where that isn't
/// there or not allowed nothing changes.
void stay_on(int processor);

/// For good: where processors are short, the calling thread and what it starts let the other
/// threads of this machine go first. Needs no right; where it fails nothing changes.
void give_way();

}  // namespace sluice
