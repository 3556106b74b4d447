// transaction.hpp: several statements that happen together or not at all.
//
//     shop.transaction([&](ashlar::transaction& tx) {
//         tx.execute("update accounts set balance = balance - $1 where id = $2", amount, from).value();
//         tx.insert(entry).value();
//     }).value();
//
// Ends      Commits when the function returns normally; rolls back when it returns a result that holds an error, or throws.
//           What value() throws (bad_result) becomes the transaction's result; any other exception is let on.
//           After a statement has failed nothing but a rollback can follow: a function that overlooks the failure gets
//           transaction_failed instead of a commit.
// Shards    A shard joins with the first statement that needs it. Over several SQLite shards the commit is atomic, for
//           11 files at most and none in WAL mode (else the write is refused, 0A000); each is locked from its first
//           statement to the end, and who meets another transaction in a ring gets deadlock or serialization_failed:
//           run it again.
//           Over several PostgreSQL shards reading is free, but a statement that would write on a second shard is refused
//           before any effect (0A000), until two-phase commit is built.
// Unknown   commit_unknown says that the server went away during the commit: look before doing it again.
// Threads   Belongs to the thread, and within a map() to the function, that began it.
#pragma once

#include <ashlar/statements.hpp>

#include <exception>
#include <functional>
#include <memory>
#include <type_traits>

namespace ashlar {

class scope;

enum class isolation { server_default, read_committed, repeatable_read, serializable };

struct transaction_options {
    ashlar::isolation isolation = ashlar::isolation::server_default;
    bool read_only = false;  // writing is then an error of the server's
    transaction_options() = default;
};

namespace detail {
class transaction_runner;
}

class transaction : public statements {
public:
    transaction(transaction&&) noexcept;
    transaction& operator=(transaction&&) noexcept = delete;
    ~transaction();  // rolls back what was not committed

    // One shard, within this transaction. In a transaction of one database: only that one.
    scope shard_for(value key) const;

    // What transaction(work) calls. After either, the transaction takes no more statements.
    status commit();
    void rollback() noexcept;

private:
    friend class cluster;
    friend class scope;
    explicit transaction(std::shared_ptr<detail::transaction_runner> inside) noexcept;
    std::shared_ptr<detail::transaction_runner> inside_;
};

namespace detail {

template <class T>
struct as_result {
    using type = result<T>;
};
template <class T>
struct as_result<result<T>> {
    using type = result<T>;
};
// X → result<X>, void → status, result<X> → result<X>.
template <class T>
using as_result_t = typename as_result<T>::type;

// Runs the work and ends the transaction by how it ended.
template <class Work>
auto run_transaction(result<transaction> begun, Work&& work) -> as_result_t<std::invoke_result_t<Work&, transaction&>> {
    using given = std::invoke_result_t<Work&, transaction&>;
    if (!begun) return std::move(begun).error();
    transaction& tx = *begun;
    try {
        if constexpr (std::is_void_v<given>) {
            std::invoke(work, tx);
            return tx.commit();
        } else {
            as_result_t<given> made = std::invoke(work, tx);
            if (!made) {
                tx.rollback();
                return made;
            }
            if (status ended = tx.commit(); !ended) return std::move(ended).error();
            return made;
        }
    } catch (const bad_result& failed) {
        tx.rollback();
        return failed.why();
    } catch (...) {
        tx.rollback();
        throw;
    }
}

}  // namespace detail
}  // namespace ashlar
