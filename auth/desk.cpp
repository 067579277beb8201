#include "auth/desk.hpp"

#include "auth/activity.hpp"
#include "auth/door_passwords.hpp"
#include "auth/revocations.hpp"
#include "auth/session_codec.hpp"
#include "auth/tickets.hpp"
#include "auth/verifier.hpp"

#include "core/log.hpp"

#include <algorithm>
#include <utility>

namespace clawgate::auth {
namespace {

password_mark short_mark(const password& p) {
    password_mark out{};
    std::copy_n(p.mark().begin(), out.size(), out.begin());
    return out;
}

} // namespace

struct desk::impl {
    impl(const config& c, const secret& session_key, const std::string& state_dir);
    ~impl();

    [[nodiscard]] std::string seal(const session& s) const;
    [[nodiscard]] session_state judge(const sealed_session& s, door where, wall_time now) const;
    [[nodiscard]] bool idle(const session& s, wall_time now) const;
    void save_revocations();

    const std::chrono::seconds lifetime;
    const std::chrono::seconds idle_limit;
    const std::chrono::seconds renew_after;
    const keyed_digest compare; ///< of offered passwords; its key ends with the process
    const door_passwords doors;
    const session_codec codec;
    revocations revoked;
    activity touched;
    tickets handed_out;
    verifier checks; ///< last: its threads end before what they use
};

desk::impl::impl(const config& c, const secret& session_key, const std::string& state_dir)
    : lifetime{c.session_lifetime}
    , idle_limit{c.session_idle}
    , renew_after{std::min<std::chrono::seconds>(c.session_idle / 4, std::chrono::hours{1})}
    , compare{make_process_key(), "compare passwords"}
    , doors{c, compare, keyed_digest{session_key, "mark of a password"}}
    , codec{keyed_digest{session_key, "session cookie"}.key()}
    , revoked{state_dir.empty() ? std::string{} : state_dir + "/revoked-sessions"}
    , checks{doors, compare, verifier::limits{}, coarse_now} {}

desk::impl::~impl() {
    checks.stop(); // before the last save, so that nobody writes beside it
    save_revocations();
}

std::string desk::impl::seal(const session& s) const {
    return codec.encode(s, short_mark(doors.of(s.where))).value_or(std::string{});
}

bool desk::impl::idle(const session& s, wall_time now) const {
    if (now - s.renewed < idle_limit) return false;
    const auto last = touched.last(s.id);
    return !last || now - *last >= idle_limit;
}

session_state desk::impl::judge(const sealed_session& s, door where, wall_time now) const {
    if (s.what.where != where) return session_state::foreign;
    const auto& p = doors.of(where);
    if (p.kind() == password::form::none || s.mark != short_mark(p)) return session_state::stale;
    if (now >= s.what.expires) return session_state::expired;
    if (revoked.contains(s.what.id)) return session_state::revoked;
    if (idle(s.what, now)) return session_state::idle_expired;
    return now - s.what.renewed > renew_after ? session_state::renew : session_state::valid;
}

void desk::impl::save_revocations() {
    const auto saved = revoked.save(wall_clock::now());
    if (!saved)
        log::event(log_level::error,
                   "an ended session could not be stored and would be valid after a restart",
                   {{"reason", saved.error().detail}});
}

desk::desk(const config& c, secret session_key, std::string state_dir)
    : impl_{std::make_unique<impl>(c, session_key, state_dir)} {}

desk::~desk() = default;

std::optional<verdict> desk::verify_now(const candidate& c) const {
    return impl_->checks.verify_now(c);
}

void desk::verify(candidate c, std::function<void(verdict)> done) {
    impl_->checks.verify(std::move(c), std::move(done));
}

std::string desk::issue(door where, wall_time now) {
    return impl_->seal({random_token(16), where, now, now, now + impl_->lifetime});
}

std::string desk::renew(const session& s, wall_time now) {
    auto renewed = s;
    renewed.renewed = now;
    return impl_->seal(renewed);
}

session_verdict desk::examine(std::string_view cookie_value, door where, wall_time now) const {
    if (cookie_value.empty()) return {};
    auto sealed = impl_->codec.decode(cookie_value);
    if (!sealed) return {session_state::forged, {}};
    const auto state = impl_->judge(*sealed, where, now);
    return {state, std::move(sealed->what)};
}

void desk::revoke(const session& s) {
    // In force at once; on disk a moment later, because the caller's event loop must not wait for it.
    if (impl_->revoked.add(s.id, s.expires))
        impl_->checks.post([impl = impl_.get()] { impl->save_revocations(); });
}

void desk::touch(const session& s, wall_time now) {
    impl_->touched.touch(s.id, now);
}

std::uint64_t desk::revocation_epoch() const noexcept {
    return impl_->revoked.epoch();
}

std::optional<std::string> desk::mint_ticket(door where, wall_time now) {
    if (!same_password(where, control_door)) return std::nullopt;
    return impl_->handed_out.mint(where, now);
}

bool desk::redeem_ticket(std::string_view ticket, door where, wall_time now) {
    return impl_->handed_out.redeem(ticket, where, now);
}

bool desk::same_password(door a, door b) const {
    return impl_->doors.same(a, b);
}

} // namespace clawgate::auth
