#include "pod/archive.hpp"

#include "pod/checksum.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>

namespace clawgate::pod {
namespace {

constexpr std::size_t block = 256 * 1024;

using entry_pointer = std::unique_ptr<archive_entry, void (*)(archive_entry*)>;

entry_pointer header_of(const manifest_entry& e, std::uint64_t size) {
    entry_pointer h{archive_entry_new(), archive_entry_free};
    archive_entry_set_pathname(h.get(), e.path.c_str());
    archive_entry_set_perm(h.get(), static_cast<mode_t>(e.mode));
    archive_entry_set_mtime(h.get(), e.mtime, 0);
    if (e.type == node::folder) {
        archive_entry_set_filetype(h.get(), AE_IFDIR);
    } else if (e.type == node::link) {
        archive_entry_set_filetype(h.get(), AE_IFLNK);
        archive_entry_set_symlink(h.get(), e.target.c_str());
    } else {
        archive_entry_set_filetype(h.get(), AE_IFREG);
        archive_entry_set_size(h.get(), static_cast<la_int64_t>(size));
    }
    return h;
}

} // namespace

archive_writer::archive_writer(archive* a)
    : a_{a, archive_write_free} {}

error archive_writer::failure(std::string_view what) const {
    const char* why = archive_error_string(a_.get());
    return error{errc::io, fault::gateway, retry::never,
                 "cannot write " + printable(what) +
                     " into the backup: " + (why != nullptr ? why : "unknown reason")};
}

result<archive_writer> archive_writer::open(int fd) {
    archive_writer w{archive_write_new()};
    // GNU's format takes file names as bytes, whatever the locale.
    if (archive_write_set_format_gnutar(w.a_.get()) != ARCHIVE_OK ||
        archive_write_add_filter_zstd(w.a_.get()) != ARCHIVE_OK ||
        archive_write_set_bytes_in_last_block(w.a_.get(), 1) != ARCHIVE_OK ||
        archive_write_open_fd(w.a_.get(), fd) != ARCHIVE_OK)
        return w.failure("anything");
    return w;
}

result<void> archive_writer::add(manifest_entry& e, std::uint64_t size, const byte_source& from) {
    const auto header = header_of(e, size);
    if (archive_write_header(a_.get(), header.get()) != ARCHIVE_OK) return failure(e.path);
    if (e.type != node::file) return {};
    sha256 sum;
    std::vector<char> buffer(block);
    for (std::uint64_t done = 0; done < size;) {
        const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(block, size - done));
        const auto came = from(buffer.data(), wanted);
        if (!came) return came.error();
        const auto n = *came == 0 ? wanted : *came;
        if (*came == 0) std::fill_n(buffer.begin(), n, '\0');
        sum.add({buffer.data(), n});
        if (archive_write_data(a_.get(), buffer.data(), n) != static_cast<la_ssize_t>(n))
            return failure(e.path);
        done += n;
    }
    e.size = size;
    e.sha256 = sum.hex();
    return {};
}

result<void> archive_writer::add_text(std::string_view path, std::string_view text) {
    manifest_entry e;
    e.path = path;
    const auto from = [text](char* buffer, std::size_t size) mutable -> result<std::size_t> {
        const auto n = std::min(size, text.size());
        std::copy_n(text.begin(), n, buffer);
        text.remove_prefix(n);
        return n;
    };
    return add(e, text.size(), from);
}

result<void> archive_writer::close() {
    if (archive_write_close(a_.get()) != ARCHIVE_OK) return failure("the end");
    return {};
}

} // namespace clawgate::pod
