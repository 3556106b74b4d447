// certificates.hpp: an authority of the test's own and what it signs, as PEM files; and another authority.
#pragma once

#include "support/temporary_folder.hpp"

#include <string>

namespace ashlar::test {

class certificates {
public:
    certificates();
    std::string authority() const { return folder_.file("ca.crt"); }
    std::string other_authority() const { return folder_.file("other.crt"); }
    // Of a server or client called `name` (its common and its DNS name), signed on first use. `days`: how long it is valid;
    // below 0: it has expired.
    std::string cert(const std::string& name, int days = 2);
    std::string key(const std::string& name) const { return folder_.file(name + ".key"); }

private:
    temporary_folder folder_;
};

}  // namespace ashlar::test
