#include "keyspace/ring.hpp"

#include "core/assert.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <memory>
#include <tuple>

namespace ashlar::keyspace {

namespace {

struct evp_free {
    void operator()(EVP_MD* m) const noexcept { EVP_MD_free(m); }
    void operator()(EVP_MD_CTX* c) const noexcept { EVP_MD_CTX_free(c); }
};

// MD5 serves as a well-known hash here, not as a secret one. Fetching it by name costs more than hashing: fetch once.
const EVP_MD* md5() {
    static const std::unique_ptr<EVP_MD, evp_free> fetched{EVP_MD_fetch(nullptr, "MD5", "-fips")};
    ASHLAR_ASSERT(fetched != nullptr);
    return fetched.get();
}

}  // namespace

std::uint64_t ring_place(std::string_view text) {
    thread_local const std::unique_ptr<EVP_MD_CTX, evp_free> context{EVP_MD_CTX_new()};
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
    const bool hashed = EVP_DigestInit_ex2(context.get(), md5(), nullptr) == 1 &&
                        EVP_DigestUpdate(context.get(), text.data(), text.size()) == 1 &&
                        EVP_DigestFinal_ex(context.get(), digest.data(), nullptr) == 1;
    ASHLAR_ASSERT(hashed);
    std::uint64_t place = 0;
    for (std::size_t i = 0; i < 8; ++i) place = place << 8 | digest[i];
    return place;
}

ring::ring(const std::vector<node>& nodes) {
    for (std::uint32_t n = 0; n < nodes.size(); ++n) {
        for (std::uint32_t i = 0; i < points_per_weight * nodes[n].weight; ++i) {
            points_.push_back({ring_place(nodes[n].name + ":" + std::to_string(i)), n});
        }
    }
    std::ranges::sort(points_, [&](const point& a, const point& b) {
        return std::tie(a.place, nodes[a.node].name) < std::tie(b.place, nodes[b.node].name);
    });
    // Not std::ranges: clang 14 cannot read libstdc++ 12's views.
    const auto same_place = [](const point& a, const point& b) { return a.place == b.place; };
    points_.erase(std::unique(points_.begin(), points_.end(), same_place), points_.end());
}

std::uint32_t ring::node_at(std::uint64_t place) const noexcept {
    auto found = std::ranges::lower_bound(points_, place, {}, &point::place);
    return found == points_.end() ? points_.front().node : found->node;
}

}  // namespace ashlar::keyspace
