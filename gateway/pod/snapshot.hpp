#pragma once
// An agent's state on local disk, with copies on the volume. A copy appears whole, verified, or not at all:
// it is made beside the last one, read back, and takes its place by two renames; the last one goes only then.
// Whoever calls these runs as the agent's user (run_as) and alone for this agent (lock_states).
//
//   <local state>/<agent>/.openclaw            what the agent works on; it exists ⇒ it is the state
//   <local state>/<agent>/.clawgate-snapshot   which copy it continues
//   <workspace>/agents/<agent>/.openclaw       the last good copy, with its manifest in it

#include "core/error.hpp"
#include "pod/manifest.hpp"
#include "pod/tree_export.hpp"

#include <cstdint>
#include <functional>
#include <string>

namespace clawgate::pod {

inline constexpr const char* state_name = ".openclaw";
inline constexpr const char* manifest_name = ".clawgate-manifest.json"; ///< inside a snapshot
inline constexpr const char* record_name = ".clawgate-snapshot";
inline constexpr const char* new_snapshot_name = ".openclaw.snapshot-new";
inline constexpr const char* old_snapshot_name = ".openclaw.snapshot-old";
/// The last copy whose databases were sound, kept when a later one holds a damaged one.
inline constexpr const char* undamaged_name = ".openclaw.before-damage";

struct snapshot_places {
    std::string agent;
    std::string local;  ///< <local state>/<agent>, which must exist
    std::string volume; ///< <workspace>/agents/<agent>, which must exist
};

struct snapshot_report {
    bool made = false; ///< false: nothing has changed since the last one
    std::size_t files = 0;
    std::uint64_t bytes = 0;
    notes remarks;
};

/// Copies the state to the volume, unless nothing in it has changed. On any error, and after a crash at any
/// moment, the last copy is the current one (settle_volume() cleans up). errc::not_found without a state.
[[nodiscard]] result<snapshot_report> take_snapshot(const snapshot_places& p,
                                                    const step_hook& after_step = {});

/// Brings the volume's folder in order after a crash: a copy that was complete is taken, one that was not is
/// removed, and the one before it is put back. `volume` as in snapshot_places.
[[nodiscard]] result<void> settle_volume(const std::string& volume, const step_hook& after_step = {});

enum class fetched {
    continued, ///< the local state continues the copy on the volume: it stays
    restored,  ///< from the volume
    fresh,     ///< there is none anywhere
};
struct fetch_report {
    fetched how = fetched::fresh;
    std::size_t files = 0;
    notes remarks; ///< what a person should know: files that differ from their checksums, a state that was
                   ///< moved aside
};

/// At start: makes the local state what it should be. A local one that does not continue the copy on the
/// volume (another pod worked with the volume meanwhile) is moved aside, not removed.
[[nodiscard]] result<fetch_report> fetch_state(const snapshot_places& p, const step_hook& after_step = {});

/// The way back, when the agent shall work on the volume itself: a last copy, then the local state goes. Does
/// nothing but settle_volume() where there is no local state.
[[nodiscard]] result<notes> bring_home(const snapshot_places& p);

/// 20260131T235959Z, now: in names of what is moved aside.
[[nodiscard]] std::string time_stamp();

} // namespace clawgate::pod
