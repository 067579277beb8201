#pragma once
// Takes rights from this very process and all that it will start, for ever, with Landlock (Linux 5.13 and newer,
// docs.kernel.org/userspace-api/landlock.html). It needs no privilege, so it separates agents where a volume
// knows no owners, where nobody is root, and where no packet filter may be set.

#include "core/error.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace clawgate::pod {

struct port_range {
    std::uint16_t first = 0;
    std::uint16_t last = 0; ///< included
    friend bool operator==(const port_range&, const port_range&) = default;
};

/// Everything that is not named here stays allowed. Paths are absolute.
struct confinement {
    std::vector<std::string> hidden;    ///< files and folders that can no longer be opened
    /// … but these can. Folders that are not there yet are made, 0700: afterwards they could not be.
    std::vector<std::string> kept;
    /// Folders in which nothing can be changed. One that is hidden, or lies in a hidden one, stays hidden.
    std::vector<std::string> read_only;
    std::vector<port_range> no_connect; ///< TCP ports of any host
    std::vector<port_range> no_bind;    ///< TCP ports of this machine
};

/// What the kernel offers, by the version of its Landlock interface.
struct confine_support {
    int version = 0; ///< 0 = none
    [[nodiscard]] bool files() const noexcept { return version >= 1; }
    [[nodiscard]] bool tcp() const noexcept { return version >= 4; }
    /// Signals and abstract Unix sockets stay inside.
    [[nodiscard]] bool scopes() const noexcept { return version >= 6; }
};
[[nodiscard]] confine_support confine_support_here() noexcept;

/// Does as much of it as the kernel can; what it cannot is named in the list (empty = all was done). errc::io when
/// the kernel refuses Landlock. Drops all capabilities and sets no_new_privs, always. Folders on the way to a hidden one can be
/// passed through but not listed.
[[nodiscard]] result<std::vector<std::string>> confine_this_process(const confinement& c);

/// The files and folders that together hold everything below `root` but `hidden` (paths without links). Reads
/// directories.
[[nodiscard]] std::vector<std::string> everything_but(const std::string& root,
                                                      const std::vector<std::string>& hidden);

/// The ports from 0 to 65535 that are in none of the ranges, as ranges in order. Pure.
[[nodiscard]] std::vector<port_range> ports_but(std::vector<port_range> ranges);

/// `clawgate confine … -- PROGRAM …`: confines itself and becomes the program. Returns an exit status (71) only
/// when the program cannot be started; what could not be confined is said on standard error, and it goes on.
[[nodiscard]] int confine_and_run(const confinement& c, const std::vector<std::string>& command);

/// "20000-20119" or "11430". errc::bad_request otherwise.
[[nodiscard]] result<port_range> parse_port_range(const std::string& text);

} // namespace clawgate::pod
