// What the pure half of the wire costs: stepping over a stream, framing rows into batches, encoding them, and SCRAM.
#include "wire/frame_walker.hpp"
#include "wire/scram.hpp"
#include "wire/server_messages.hpp"

#include <benchmark/benchmark.h>

using namespace ashlar;
using namespace ashlar::wire;

namespace {

// As pgbench's accounts have it: three numbers and 84 characters.
std::vector<cell> account() {
    return {
        cell{"4711"}, cell{"1"}, cell{"-2394"},
        cell{std::string_view{"                                                                                    "}}};
}

std::string rows_of(int count) {
    std::string stream;
    const std::vector<cell> cells = account();
    for (int i = 0; i < count; ++i) write_data_row(stream, cells);
    return stream;
}

// The answer to one pgbench select: what a relay walks over for each transaction.
void walk_small_answer(benchmark::State& state) {
    std::string stream;
    write_bind_complete(stream);
    write_data_row(stream, account());
    write_command_complete(stream, "SELECT 1");
    write_ready_for_query(stream, transaction_state::idle);
    frame_walker walker{{server_says::ready_for_query, server_says::command_complete, server_says::bind_complete}};
    for (auto _ : state) {
        std::string_view chunk = stream;
        while (auto f = walker.next(chunk)) benchmark::DoNotOptimize(f->type);
    }
}
BENCHMARK(walk_small_answer);

void walk_rows(benchmark::State& state) {
    const std::string stream = rows_of(1'000);
    frame_walker walker{{server_says::ready_for_query}};
    for (auto _ : state) {
        std::string_view chunk = stream;
        benchmark::DoNotOptimize(walker.next(chunk));
    }
    state.SetItemsProcessed(state.iterations() * 1'000);
}
BENCHMARK(walk_rows);

void frame_rows_into_a_batch(benchmark::State& state) {
    const std::string stream = rows_of(500);
    row_batch batch;
    for (auto _ : state) {
        batch.clear();
        std::string_view left = stream;
        frame_header h;
        while (read_frame_header(left, h) == header_state::good) {
            if (!read_data_row(left.substr(5, h.body_size), 4, batch)) std::abort();
            left.remove_prefix(5 + h.body_size);
        }
        benchmark::DoNotOptimize(batch.rows());
    }
    state.SetItemsProcessed(state.iterations() * 500);
}
BENCHMARK(frame_rows_into_a_batch);

void encode_rows(benchmark::State& state) {
    row_batch batch;
    for (int i = 0; i < 500; ++i) {
        for (const cell& c : account()) batch.add(c);
        batch.end_row();
    }
    std::string out;
    for (auto _ : state) {
        out.clear();
        for (std::size_t i = 0; i < batch.rows(); ++i) write_data_row(out, batch, i);
        benchmark::DoNotOptimize(out.data());
    }
    state.SetItemsProcessed(state.iterations() * 500);
}
BENCHMARK(encode_rows);

void scram_login_with_kept_keys_both_sides(benchmark::State& state) {
    const scram_keys keys = keys_from_password("pencil", "0123456789abcdef", 4096);
    const scram_verifier verifier = scram_verifier::from_password("pencil", "0123456789abcdef");
    for (auto _ : state) {
        scram_client client{random_nonce()};
        scram_server server{verifier, true, random_nonce()};
        const auto challenge = client.challenge(server.first(client.first()).value());
        const auto last = server.final(client.final(keys));
        if (!challenge || !last || !client.verify(*last)) std::abort();
    }
}
BENCHMARK(scram_login_with_kept_keys_both_sides);

void scram_keys_from_a_password(benchmark::State& state) {
    for (auto _ : state) benchmark::DoNotOptimize(keys_from_password("pencil", "0123456789abcdef", 4096).client_key[0]);
}
BENCHMARK(scram_keys_from_a_password);

}  // namespace

BENCHMARK_MAIN();
