// text_facts.hpp: the two things that the driver must know of a statement by its text alone: can it change anything
// (then a lost answer means an unknown outcome), and can it leave something in the session (then the next borrower needs
// a reset). Both lean to the safe side: only what is known to be harmless is called so. Pure.
//
// A function of the user's own counts as both. What a trigger or a view's function does to the session is not seen.
#pragma once

#include <string_view>

namespace ashlar::driver::postgres {

struct text_facts {
    bool only_reads = false;
    bool leaves_state = true;
};
text_facts facts_of_text(std::string_view sql);

}  // namespace ashlar::driver::postgres
