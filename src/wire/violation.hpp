// violation.hpp: the error for bytes that are no message, worded alike by all decoders of this room.
#pragma once

#include <ashlar/error.hpp>

#include <string>
#include <string_view>

namespace ashlar::wire {

// `what`: the message's name as the protocol's documentation has it.
inline error malformed(std::string_view what) {
    return error{errc::protocol_violation, std::string{what} + " message is malformed"};
}

}  // namespace ashlar::wire
