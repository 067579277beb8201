#pragma once
// A directory by descriptor. Names are looked up one component at a time and symbolic links are never
// followed: an agent owns the folders that prepare writes into as root, and may have put anything there.

#include "core/error.hpp"
#include "pod/descriptor.hpp"
#include "pod/layout.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace clawgate::pod {

class directory {
public:
    /// A path that only trusted users can change (the workspace itself): made with its parents when absent,
    /// links in it are followed.
    [[nodiscard]] static result<directory> open_trusted(const std::string& path);

    directory(directory&& other) noexcept;
    directory& operator=(directory&& other) noexcept;
    directory(const directory&) = delete;
    directory& operator=(const directory&) = delete;
    ~directory();

    /// The folder `name` in this one, made when absent. Something else of that name is moved aside, to
    /// `name.aside-<random>`, and so is a folder that belongs to another user of a pod than `whose`: an agent made it,
    /// and what lies in it is not to be trusted. Mode and owner are set each time; where the owner changes, everything below it
    /// changes hands too. errc::io with the reason, EPERM included (volumes that know no owners).
    [[nodiscard]] result<directory> make(const std::string& name, unsigned mode,
                                         std::optional<owner> whose) const;

    /// errc::not_found, errc::too_large, or errc::io (anything but a regular file).
    [[nodiscard]] result<std::string> read(const std::string& name, std::size_t max_bytes) const;

    /// Replaces `name` atomically, with mode and owner set before it gets its name. Removes what a writer of it left
    /// that was killed, so there may be one writer at a time: see lock().
    [[nodiscard]] result<void> write(const std::string& name, std::string_view bytes, unsigned mode,
                                     std::optional<owner> whose) const;

    /// Held until the descriptor goes, or the process does. errc::io at once when another process has it.
    [[nodiscard]] result<descriptor> lock(const std::string& name) const;

    /// Mode and owner of a regular file that exists already.
    [[nodiscard]] result<void> give(const std::string& name, unsigned mode, std::optional<owner> whose) const;

    /// A symbolic link, unless something of that name exists already.
    [[nodiscard]] result<void> link(const std::string& name, const std::string& target,
                                    std::optional<owner> whose) const;

    /// Renames it to `name.aside-<random>`, and says so on standard error.
    [[nodiscard]] result<void> move_aside(const std::string& name) const;

    /// Adds the right to pass through (o+x, g+x) for everybody; nothing more can be seen by it.
    [[nodiscard]] result<void> let_others_pass() const;

    /// Takes the right to write from everybody but the owner, where agents could have it (o+w, or g+w and a group of
    /// theirs). True when they had it. Only root may do it for a folder that is not its own.
    [[nodiscard]] result<bool> close_to_agents() const;

    [[nodiscard]] const std::string& path() const noexcept { return path_; } ///< for messages

private:
    directory(int fd, std::string path) noexcept;
    [[nodiscard]] error failure(std::string_view doing, const std::string& name) const;
    int fd_ = -1;
    std::string path_;
};

/// The first folder above `path` in which everybody may rename what is not theirs (o+w without the sticky bit), or
/// nothing.
[[nodiscard]] std::string unsafe_parent(const std::string& path);

/// The first folder on the way to `path` that other users may not pass through, or nothing. `path` itself
/// counts.
[[nodiscard]] std::string closed_folder(const std::string& path);

} // namespace clawgate::pod
