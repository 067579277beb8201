#include "pod/volume.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace clawgate::pod {
namespace {

constexpr std::uint64_t little_space = 2ull << 30;

// Space, tab, newline and backslash are written as \ooo in mountinfo.
std::string unescape(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto digit = [&](std::size_t at) {
            return at < text.size() && text[at] >= '0' && text[at] <= '7';
        };
        if (text[i] == '\\' && digit(i + 1) && digit(i + 2) && digit(i + 3)) {
            out +=
                static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
            i += 3;
        } else {
            out += text[i];
        }
    }
    return out;
}

std::vector<std::string_view> words_of(std::string_view line) {
    std::vector<std::string_view> out;
    while (!line.empty()) {
        const auto end = line.find(' ');
        if (end != 0) out.push_back(line.substr(0, end));
        line = end == line.npos ? std::string_view{} : line.substr(end + 1);
    }
    return out;
}

bool lies_in(std::string_view path, std::string_view folder) {
    if (folder == "/") return path.starts_with('/');
    return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

std::string first_reason(const volume_facts& f) {
    const std::pair<const finding*, std::string_view> needed[] = {
        {&f.record_locks, "locks of files do not exclude other processes"},
        {&f.file_locks, "locks of files do not exclude other processes"},
        {&f.shared_memory, "memory of files is not shared between processes"},
        {&f.sync, "data cannot be forced to the disk"}};
    for (const auto& [what, meaning] : needed)
        if (what->failed()) return std::string{meaning} + " (" + what->why + ")";
    if (is_network_type(f.mount.type)) return "it is a network file system (" + f.mount.type + ")";
    return {};
}

void note(volume_verdict& v, std::string_view word, std::string text) {
    v.notes.push_back({std::string{word}, std::move(text)});
}

void judge_persistence(const volume_facts& f, volume_verdict& v) {
    if (is_memory_type(f.mount.type)) {
        v.persistent = false;
        note(v, "in_memory",
             f.path + " lies in memory (" + f.mount.type +
                 "): memories, sessions, settings and models are lost when the machine or the container "
                 "stops. "
                 "Put the workspace on a disk (CLAWGATE_WORKSPACE)");
    } else if (f.on_root && f.container) {
        v.persistent = false;
        note(v, "not_mounted",
             f.path +
                 " is not a mounted volume: memories, sessions, settings and models are lost with the "
                 "container. Mount a volume there (on RunPod: volume mount path " +
                 f.path + "; with Docker: -v openclaw:" + f.path + ")");
    }
}

void judge_state(const volume_facts& f, state_place wanted, volume_verdict& v) {
    v.unsafe_why = first_reason(f);
    v.sqlite_safe = v.unsafe_why.empty();
    v.local_state = wanted == state_place::local || (wanted == state_place::automatic && !v.sqlite_safe);
    if (v.local_state)
        note(v, "local_state",
             (v.sqlite_safe ? std::string{"CLAWGATE_STATE_ON_VOLUME=off"}
                            : f.path + " is not safe for databases: " + v.unsafe_why) +
                 ". The agents' state is kept on local disk and copied to " + f.path +
                 " regularly and on stop; what is newer than the last copy is lost when the machine fails "
                 "(CLAWGATE_SNAPSHOT_MINUTES)");
    else if (!v.sqlite_safe)
        note(v, "unsafe_state",
             f.path + " is not safe for databases: " + v.unsafe_why +
                 ". CLAWGATE_STATE_ON_VOLUME=on keeps the agents' memories there all the same; they can be "
                 "damaged. Leave the variable empty to keep them on local disk with copies on the volume");
}

std::string_view mark(const finding& f) {
    return f.works == answer::yes ? "yes" : f.works == answer::no ? "NO" : "untested";
}

} // namespace

std::optional<mount_point> find_mount(std::string_view mountinfo, std::string_view path) {
    std::optional<mount_point> best;
    while (!mountinfo.empty()) {
        const auto end = mountinfo.find('\n');
        const auto line = mountinfo.substr(0, end);
        mountinfo = end == mountinfo.npos ? std::string_view{} : mountinfo.substr(end + 1);
        // id parent major:minor root mount-point options [optional fields] - type source super-options
        const auto fields = words_of(line);
        const auto dash = std::find(fields.begin(), fields.end(), "-");
        if (dash - fields.begin() < 6 || fields.end() - dash < 2) continue;
        auto where = unescape(fields[4]);
        if (!lies_in(path, where) || (best && where.size() < best->path.size())) continue;
        best = mount_point{std::move(where), unescape(dash[1]),
                           fields.end() - dash > 2 ? unescape(dash[2]) : std::string{}};
    }
    return best;
}

bool is_network_type(std::string_view type) {
    constexpr std::array<std::string_view, 4> local_fuse{"fuseblk", "fuse.fuse-overlayfs", "fuse.bindfs",
                                                         "fuse.mergerfs"};
    constexpr std::array<std::string_view, 13> network{"nfs",  "nfs4",     "cifs", "smb3",   "smbfs",
                                                       "9p",   "ceph",     "afs",  "lustre", "beegfs",
                                                       "gpfs", "virtiofs", "pvfs2"};
    if (std::find(local_fuse.begin(), local_fuse.end(), type) != local_fuse.end()) return false;
    return type == "fuse" || type.starts_with("fuse.") ||
           std::find(network.begin(), network.end(), type) != network.end();
}

bool is_memory_type(std::string_view type) {
    return type == "tmpfs" || type == "ramfs";
}

volume_verdict judge(const volume_facts& f, state_place wanted) {
    volume_verdict v;
    judge_persistence(f, v);
    v.owners = !f.owners.failed() && !f.modes.failed();
    if (!v.owners)
        note(v, "no_owners",
             f.path + " does not keep the owners of files (" +
                 (f.owners.failed() ? f.owners.why : f.modes.why) +
                 "): every program runs as one user, and an agent could read the others' files. Use a local "
                 "volume where that matters");
    judge_state(f, wanted, v);
    if (f.rename.failed() || f.links.failed())
        note(v, "unsafe_state",
             f.path + " does not work like a Linux file system (" +
                 (f.rename.failed() ? f.rename.why : f.links.why) +
                 "): settings and models there can be damaged. Use another volume");
    v.free_is_believable = f.total_bytes > 0 && !is_network_type(f.mount.type);
    if (f.total_bytes > 0 && f.free_bytes < little_space)
        note(v, "low_space",
             f.path + " has only " + spell_bytes(f.free_bytes) +
                 " left: models will not fit, and agents cannot save. Make room, or use a larger volume");
    return v;
}

std::string spell_bytes(std::uint64_t bytes) {
    static constexpr std::array<const char*, 5> units{"bytes", "KB", "MB", "GB", "TB"};
    if (bytes < 1000) return std::to_string(bytes) + " bytes";
    double value = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (value >= 999.5 && unit + 1 < units.size()) {
        value /= 1000;
        ++unit;
    }
    char text[32];
    std::snprintf(text, sizeof text, value < 9.95 ? "%.1f %s" : "%.0f %s", value, units[unit]);
    return text;
}

std::string describe(const volume_facts& f) {
    std::string out = f.mount.type.empty() ? std::string{"unknown file system"} : f.mount.type;
    if (!f.mount.source.empty()) out += " from " + f.mount.source;
    out += "; owners " + std::string{mark(f.owners)} + ", locks " +
           std::string{mark(f.file_locks.failed() ? f.file_locks : f.record_locks)} + ", shared memory " +
           std::string{mark(f.shared_memory)} + ", fsync " + std::string{mark(f.sync)} + ", rename " +
           std::string{mark(f.rename)};
    if (f.total_bytes > 0)
        out += "; " + spell_bytes(f.free_bytes) + " free" +
               (is_network_type(f.mount.type) ? " (as the network volume says: often the whole cluster's, "
                                                "not what you may use)"
                                              : "");
    return out;
}

} // namespace clawgate::pod
