#pragma once
// One backup file: a tar (GNU format) compressed with zstd, written and read with libarchive as a stream. A
// first member says what it is, the last one (manifest.json) lists all others with their checksums.

#include "core/error.hpp"
#include "pod/manifest.hpp"
#include "pod/tree_writer.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct archive; // libarchive

namespace clawgate::pod {

inline constexpr std::string_view header_member = "clawgate-backup.json";
inline constexpr std::string_view manifest_member = "manifest.json";
/// Everything else lies in one of these two.
inline constexpr std::string_view state_folder = "openclaw";
inline constexpr std::string_view work_folder = "workspace";

class archive_writer {
public:
    /// Into an open file, from its present position on.
    [[nodiscard]] static result<archive_writer> open(int fd);

    /// `e` gives path, type, mode, mtime and target. A file gets exactly `size` bytes: zeros are put after a
    /// source that ends early. Size and checksum are filled in.
    [[nodiscard]] result<void> add(manifest_entry& e, std::uint64_t size, const byte_source& from);
    [[nodiscard]] result<void> add_text(std::string_view path, std::string_view text);
    /// Everything is in the file when it returns; not yet on disk.
    [[nodiscard]] result<void> close();

private:
    explicit archive_writer(archive* a);
    [[nodiscard]] error failure(std::string_view what) const;
    std::unique_ptr<archive, int (*)(archive*)> a_;
};

/// What a backup's members are handed to. Paths and targets were checked.
class member_receiver {
public:
    virtual ~member_receiver() = default;
    [[nodiscard]] virtual result<void> folder(const manifest_entry& e) = 0;
    [[nodiscard]] virtual result<void> link(const manifest_entry& e) = 0;
    /// Takes all bytes; returns the entry with their size and checksum.
    [[nodiscard]] virtual result<manifest_entry> file(const manifest_entry& e, const byte_source& from) = 0;
};

/// Reads a whole backup and compares every member with the list at its end. errc::corrupt names the member
/// that differs, is missing, is not in the list, or may not be in a backup: an absolute path, one that leads
/// out of the two folders, a link out of them, a hard link, a device, a name twice; also a file that is cut
/// off or no backup. What the receiver took before an error must not be used.
[[nodiscard]] result<manifest> read_backup(int fd, member_receiver& to);

/// Throws everything away but the checksums.
class checking_receiver final : public member_receiver {
public:
    result<void> folder(const manifest_entry&) override { return {}; }
    result<void> link(const manifest_entry&) override { return {}; }
    result<manifest_entry> file(const manifest_entry& e, const byte_source& from) override;
};

} // namespace clawgate::pod
