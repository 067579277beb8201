#include "auth/verifier.hpp"

#include "auth/client_address.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace clawgate::auth {
namespace {

// About what it takes until there is room again.
constexpr verdict busy{outcome::busy, std::chrono::seconds{2}};

std::optional<std::chrono::seconds> seconds_until(std::optional<steady_time> end, steady_time now) {
    if (!end) return std::nullopt;
    return std::chrono::ceil<std::chrono::seconds>(*end - now);
}

} // namespace

verifier::verifier(const door_passwords& doors, const keyed_digest& compare, const limits& l,
                   std::function<steady_time()> clock)
    : doors_{doors}
    , compare_{compare}
    , limits_{l}
    , clock_{std::move(clock)}
    , attempts_{l.attempts}
    , device_tokens_{l.device_tokens}
    , looks_{l.attempts.lane}
    , cache_{256, l.remembered}
    , owner_{1}
    , hashing_{l.hashing} {}

verifier::~verifier() {
    stop();
}

void verifier::stop() {
    hashing_.stop();
    owner_.stop();
    hashing_.join();
    owner_.join();
}

void verifier::post(std::function<void()> work) {
    boost::asio::post(owner_, std::move(work));
}

std::optional<verdict> verifier::verify_now(const candidate& c) {
    // An undecided password may be the wrong one that locks: then the order in which they came must count.
    if (undecided_.load(std::memory_order_acquire) != 0) return std::nullopt;
    if (clock_().time_since_epoch().count() < locked_until_.load(std::memory_order_acquire))
        return std::nullopt;
    if (!doors_.of(c.where).matches(compare_({c.password.reveal()}))) return std::nullopt;
    if (counting_.load(std::memory_order_relaxed))
        post([this, &counted = ledger(c), client = limiter_key(c.client), lane = c.lane] {
            counted.count_right(client, lane);
            publish();
        });
    return verdict{outcome::accepted, std::chrono::seconds{0}};
}

void verifier::verify(candidate c, std::function<void(verdict)> done) {
    undecided_.fetch_add(1, std::memory_order_acq_rel);
    waiter w{std::move(c), {}, {}, std::move(done), stranger};
    boost::asio::post(owner_, [this, w = std::move(w)]() mutable {
        w.client = limiter_key(w.who.client);
        w.offered = compare_({w.who.password.reveal()});
        decide(std::move(w));
    });
}

void verifier::decide(waiter w) {
    const auto now = clock_();
    // First of all, so that a locked client learns nothing and costs nothing.
    const bool look = w.who.why == intent::look;
    const auto left = look ? seconds_until(looks_.locked_until(w.who.lane, now), now)
                           : ledger(w.who).locked(w.client, w.who.lane, now);
    if (left) return answer(std::move(w), {outcome::locked, *left});
    if (look || ledger(w.who).has_lane(w.who.lane, now)) w.rank = known;
    const auto& p = doors_.of(w.who.where);
    if (p.kind() == password::form::hashed) return enqueue(p, std::move(w));
    const bool right = p.matches(w.offered);
    finish(std::move(w), right);
}

void verifier::enqueue(const password& p, waiter w) {
    const std::string_view offered{reinterpret_cast<const char*>(w.offered.data()), w.offered.size()};
    const auto what = compare_({p.hash().reveal(), offered});
    if (const auto said = cache_.find(what, clock_())) return finish(std::move(w), *said);

    const auto rank = w.rank;
    if (waiting_[rank] >= limits_.waiting_callers) return answer(std::move(w), busy);
    if (const auto found = jobs_.find(what); found != jobs_.end()) {
        auto& j = found->second;
        if (rank < j.queued && !j.running) { // what a stranger asked too need not wait among strangers
            std::erase(queues_[j.queued], what);
            queues_[rank].push_back(what);
            j.queued = rank;
        }
        ++waiting_[rank];
        j.waiters.push_back(std::move(w));
        return;
    }
    const auto room = rank == known ? limits_.known_queue : limits_.hashing + limits_.hash_queue;
    if (jobs_by_[rank] >= room) return answer(std::move(w), busy);
    auto owner = rank == known ? "lane " + w.who.lane : w.client;
    const auto of_owner = jobs_of_owner_.find(owner);
    if (of_owner != jobs_of_owner_.end() && of_owner->second >= limits_.hashes_per_client)
        return answer(std::move(w), busy);
    ++jobs_of_owner_[owner];
    ++jobs_by_[rank];
    ++waiting_[rank];
    auto& added = jobs_[what];
    added.owner = std::move(owner);
    added.counted = added.queued = rank;
    added.hash = p.hash();
    added.waiters.push_back(std::move(w));
    queues_[rank].push_back(what);
    start_hashing();
}

/// The pool is given no more than it has threads for, so that who comes later can still go first.
void verifier::start_hashing() {
    for (auto& queue : queues_)
        while (running_ < limits_.hashing && !queue.empty()) {
            const auto what = queue.front();
            queue.pop_front();
            ++running_;
            auto& j = jobs_.at(what);
            j.running = true;
            boost::asio::post(hashing_, [this, what, hash = j.hash, offered = j.waiters.front().who.password] {
                const bool right = verify_hash(hash, offered);
                boost::asio::post(owner_, [this, what, right] { hashed(what, right); });
            });
        }
}

void verifier::hashed(const digest& what, bool right) {
    const auto found = jobs_.find(what);
    job finished = std::move(found->second);
    jobs_.erase(found);
    --running_;
    --jobs_by_[finished.counted];
    for (const auto& w : finished.waiters)
        --waiting_[w.rank];
    if (const auto of_owner = jobs_of_owner_.find(finished.owner); --of_owner->second == 0)
        jobs_of_owner_.erase(of_owner);
    start_hashing();
    cache_.remember(what, right, clock_());
    for (auto& w : finished.waiters)
        finish(std::move(w), right);
}

void verifier::finish_look(waiter w, bool right) {
    if (!right) looks_.count(w.who.lane, w.offered, clock_());
    answer(std::move(w), {right ? outcome::accepted : outcome::wrong, std::chrono::seconds{0}});
}

void verifier::finish(waiter w, bool right) {
    if (w.who.why == intent::look) return finish_look(std::move(w), right);
    const auto now = clock_();
    // Again: while this one was being hashed, others may have locked its client.
    auto& counted = ledger(w.who);
    if (const auto left = counted.locked(w.client, w.who.lane, now))
        return answer(std::move(w), {outcome::locked, *left});
    if (right)
        counted.count_right(w.client, w.who.lane);
    else
        counted.count_wrong(w.client, w.who.lane, w.offered, now);
    publish();
    answer(std::move(w), {right ? outcome::accepted : outcome::wrong, std::chrono::seconds{0}});
}

void verifier::publish() {
    counting_.store(attempts_.counting() || device_tokens_.counting(), std::memory_order_relaxed);
    locked_until_.store(
        std::max(attempts_.latest_lock(), device_tokens_.latest_lock()).time_since_epoch().count(),
        std::memory_order_release);
}

void verifier::answer(waiter w, verdict v) {
    // After publish(): whoever sees no undecided password sees the lock that the last one caused.
    undecided_.fetch_sub(1, std::memory_order_acq_rel);
    if (w.done) w.done(v);
}

} // namespace clawgate::auth
