#pragma once
// Which copy on the volume the local state continues.

#include "core/error.hpp"

#include <string>

namespace clawgate::pod {

struct snapshot_record {
    std::string base;        ///< id of the copy that was taken or restored last; empty = none
    std::string taking;      ///< id of the one that is being made current
    std::string fingerprint; ///< of the local state when `base` was taken; empty = unknown
};

/// Empty fields when there is none, or one that cannot be read.
[[nodiscard]] snapshot_record read_record(const std::string& local);
[[nodiscard]] result<void> write_record(const std::string& local, const snapshot_record& r);

} // namespace clawgate::pod
