#include "merge/built_in_containers.hpp"

#include <algorithm>
#include <array>

namespace ashlar::merge {

namespace {

constexpr auto array_kind = own_type::kind::array, range_kind = own_type::kind::range,
               multirange_kind = own_type::kind::multirange;

// pg_type.dat, pg_range.dat; by number
constexpr auto containers = std::to_array<container_type>({
    {271, 5069, array_kind, {}},   // xid8[]
    {651, 650, array_kind, {}},    // cidr[]
    {775, 774, array_kind, {}},    // macaddr8[]
    {791, 790, array_kind, {}},    // money[]
    {1000, 16, array_kind, {}},    // boolean[]
    {1001, 17, array_kind, {}},    // bytea[]
    {1002, 18, array_kind, {}},    // "char"[]
    {1003, 19, array_kind, {}},    // name[]
    {1005, 21, array_kind, {}},    // smallint[]
    {1007, 23, array_kind, {}},    // integer[]
    {1009, 25, array_kind, {}},    // text[]
    {1010, 27, array_kind, {}},    // tid[]
    {1013, 30, array_kind, {}},    // oidvector[]
    {1014, 1042, array_kind, {}},  // character[]
    {1015, 1043, array_kind, {}},  // character varying[]
    {1016, 20, array_kind, {}},    // bigint[]
    {1021, 700, array_kind, {}},   // real[]
    {1022, 701, array_kind, {}},   // double precision[]
    {1028, 26, array_kind, {}},    // oid[]
    {1040, 829, array_kind, {}},   // macaddr[]
    {1041, 869, array_kind, {}},   // inet[]
    {1115, 1114, array_kind, {}},  // timestamp[]
    {1182, 1082, array_kind, {}},  // date[]
    {1183, 1083, array_kind, {}},  // time[]
    {1185, 1184, array_kind, {}},  // timestamptz[]
    {1187, 1186, array_kind, {}},  // interval[]
    {1231, 1700, array_kind, {}},  // numeric[]
    {1270, 1266, array_kind, {}},  // timetz[]
    {1561, 1560, array_kind, {}},  // bit[]
    {1563, 1562, array_kind, {}},  // bit varying[]
    {2951, 2950, array_kind, {}},  // uuid[]
    {3221, 3220, array_kind, {}},  // pg_lsn[]
    {3643, 3614, array_kind, {}},  // tsvector[]
    {3807, 3802, array_kind, {}},  // jsonb[]
    {3904, 23, range_kind, "int4range"},
    {3905, 3904, array_kind, {}},
    {3906, 1700, range_kind, "numrange"},
    {3907, 3906, array_kind, {}},
    {3908, 1114, range_kind, "tsrange"},
    {3909, 3908, array_kind, {}},
    {3910, 1184, range_kind, "tstzrange"},
    {3911, 3910, array_kind, {}},
    {3912, 1082, range_kind, "daterange"},
    {3913, 3912, array_kind, {}},
    {3926, 20, range_kind, "int8range"},
    {3927, 3926, array_kind, {}},
    {4451, 3904, multirange_kind, "int4multirange"},
    {4532, 3906, multirange_kind, "nummultirange"},
    {4533, 3908, multirange_kind, "tsmultirange"},
    {4534, 3910, multirange_kind, "tstzmultirange"},
    {4535, 3912, multirange_kind, "datemultirange"},
    {4536, 3926, multirange_kind, "int8multirange"},
    {6150, 4451, array_kind, {}},
    {6151, 4532, array_kind, {}},
    {6152, 4533, array_kind, {}},
    {6153, 4534, array_kind, {}},
    {6155, 4535, array_kind, {}},
    {6157, 4536, array_kind, {}},
});
static_assert(std::ranges::is_sorted(containers, {}, &container_type::type));

}  // namespace

const container_type* built_in_container(std::uint32_t type) noexcept {
    const auto at = std::ranges::lower_bound(containers, type, {}, &container_type::type);
    return at == containers.end() || at->type != type ? nullptr : &*at;
}

}  // namespace ashlar::merge
