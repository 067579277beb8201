#pragma once
// Checks offered passwords: limiter, cache and argon2id. Its state belongs to one thread of its own; hashing
// runs on two others, because one check takes a good part of a second.

#include "auth/attempt_limiter.hpp"
#include "auth/desk.hpp"
#include "auth/door_passwords.hpp"
#include "auth/verified_cache.hpp"

#include "core/clock.hpp"

#include <boost/asio/thread_pool.hpp>

#include <atomic>
#include <cstddef>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace clawgate::auth {

class verifier {
public:
    struct limits {
        attempt_limiter::limits attempts;
        /// Of intent::device_token. A client has more of them: each browser keeps one an agent, and none of
        /// them was typed.
        attempt_limiter::limits device_tokens{{30, std::chrono::seconds{60}, std::chrono::seconds{60}, 10'000}};
        std::size_t hashing = 2;      ///< argon2id checks that run at once
        std::size_t hash_queue = 32;  ///< and that may wait, of strangers
        std::size_t known_queue = 16; ///< and of those with a lane, who go first
        std::size_t hashes_per_client =
            4; ///< waiting or running, also of a lane: bounds how far one can outrun its count
        std::size_t waiting_callers = 1024;   ///< that share those checks; as many again with a lane
        std::chrono::seconds remembered{300}; ///< how long an argon2id answer is kept
    };

    /// `doors` and the key of `compare` must be those that the passwords were made with. `clock` is asked on
    /// any thread.
    verifier(const door_passwords& doors, const keyed_digest& compare, const limits& l,
             std::function<steady_time()> clock);
    ~verifier();
    verifier(const verifier&) = delete;
    verifier& operator=(const verifier&) = delete;

    /// See desk. Any thread.
    [[nodiscard]] std::optional<verdict> verify_now(const candidate& c);
    void verify(candidate c, std::function<void(verdict)> done);

    /// Runs `work` on the owner's thread, unless stop() comes first.
    void post(std::function<void()> work);

    /// Waits for running checks; what has not begun is dropped. May be called more than once, not
    /// concurrently.
    void stop();

private:
    /// Whoever has a lane has been here: strangers wait behind him, in a queue of their own.
    enum standing : std::size_t { known, stranger };

    struct waiter {
        candidate who;
        std::string client; ///< limiter_key()
        digest offered;
        std::function<void(verdict)> done;
        standing rank = stranger;
    };
    struct job {
        std::string owner; ///< who started it
        standing counted = stranger;
        standing queued = stranger;
        bool running = false;
        secret hash;
        std::vector<waiter> waiters; ///< never empty
    };

    // On the owner's thread:
    void decide(waiter w);
    void enqueue(const password& p, waiter w);
    void start_hashing();
    void hashed(const digest& what, bool right);
    void finish(waiter w, bool right);
    void finish_look(waiter w, bool right);
    void answer(waiter w, verdict v);
    void publish();
    attempt_limiter& ledger(const candidate& c) {
        return c.why == intent::device_token ? device_tokens_ : attempts_;
    }

    const door_passwords& doors_;
    const keyed_digest& compare_;
    const limits limits_;
    const std::function<steady_time()> clock_;

    attempt_limiter attempts_;
    attempt_limiter device_tokens_;
    attempt_table looks_; ///< by lane: what was asked with intent::look and was not the password
    verified_cache cache_;
    std::unordered_map<digest, job, digest_hash> jobs_; ///< by digest of hash and offered password
    std::unordered_map<std::string, std::size_t> jobs_of_owner_;
    std::deque<digest> queues_[2]; ///< of jobs that do not run yet
    std::size_t jobs_by_[2] = {};
    std::size_t waiting_[2] = {};
    std::size_t running_ = 0;

    // What verify_now() reads; written by the owner.
    std::atomic<steady_time::rep> locked_until_{0}; ///< until then somebody may be locked
    std::atomic<bool> counting_{false};             ///< some client has wrong passwords to its name
    std::atomic<std::size_t> undecided_{0};         ///< verify() calls without a verdict yet

    // Last, so that they are gone before what their threads use.
    boost::asio::thread_pool owner_;
    boost::asio::thread_pool hashing_;
};

} // namespace clawgate::auth
