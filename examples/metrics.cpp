// metrics.cpp: what the pools, replicas and breakers of a cluster have counted, in Prometheus' words.
//
//     metrics ashlar.toml
#include <ashlar/ashlar.hpp>

#include <cstdio>
#include <string>

namespace {

void report(const std::string& name, const std::vector<std::pair<std::string, std::string>>& labels, double value) {
    std::string text;
    for (const auto& [label, said] : labels) text += (text.empty() ? "{" : ",") + label + "=\"" + said + "\"";
    std::printf("%s%s %g\n", name.c_str(), text.empty() ? "" : (text + "}").c_str(), value);
}

}  // namespace

int main(int argc, char** argv) {
    try {
        if (argc != 2) throw std::runtime_error("usage: metrics ashlar.toml");
        const ashlar::cluster shop = ashlar::cluster::open(argv[1]).value();
        for (const ashlar::metric_family& family : shop.metrics()) {  // no server is asked
            for (const ashlar::metric_sample& sample : family.samples) report(family.name, sample.labels, sample.value);
        }
        return 0;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "%s\n", e.what());
        return 1;
    }
}
