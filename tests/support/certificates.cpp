#include "support/certificates.hpp"

#include "support/process.hpp"
#include "support/server_template.hpp"

#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace ashlar::test {

namespace {

void openssl(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "openssl");
    const command_result done = run({.arguments = std::move(arguments)});
    if (!done.ok()) throw std::runtime_error("openssl: " + done.describe());
}

}  // namespace

certificates::certificates() {
    hand_over(folder_.path(), "postgres");
    for (const char* name : {"ca", "other"}) {
        const std::string file = folder_.file(name);
        openssl({"req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                 std::string{"/CN=authority "} + name, "-keyout", file + ".key", "-out", file + ".crt"});
    }
}

std::string certificates::cert(const std::string& name, int days) {
    const std::string file = folder_.file(name);
    if (std::filesystem::exists(file + ".crt")) return file + ".crt";
    openssl({"req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=" + name, "-keyout", file + ".key", "-out",
             file + ".csr"});
    std::ofstream{file + ".ext"} << "subjectAltName=DNS:" << name << "\n";
    openssl({"x509", "-req", "-in", file + ".csr", "-CA", authority(), "-CAkey", folder_.file("ca.key"),
             "-CAcreateserial", "-days", std::to_string(days), "-extfile", file + ".ext", "-out", file + ".crt"});
    for (const char* each : {".key", ".crt"}) hand_over(file + each, "postgres");
    return file + ".crt";
}

}  // namespace ashlar::test
