// rows.hpp: rows as drivers deliver them and merge consumes them: columns, and batches of undecoded cells.
//
// A cell is the bytes that the server sent, in PostgreSQL's text or binary format of the column's type. SQLite's and
// MySQL's drivers write PostgreSQL's text form, so that one merge and one encoder serve all engines. Nothing is
// decoded until somebody has to look inside. A batch owns its bytes in one buffer; views live as long as the batch.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar {

// PostgreSQL's object ids of built-in types: the common tongue for types between the rooms (pg_type.dat).
namespace oid {
inline constexpr std::uint32_t boolean = 16, bytea = 17, char1 = 18, name = 19, int8 = 20, int2 = 21, int4 = 23,
                               text = 25, oid = 26, json = 114, xml = 142, float4 = 700, float8 = 701, unknown = 705,
                               inet = 869, bpchar = 1042, varchar = 1043, date = 1082, time = 1083, timestamp = 1114,
                               timestamptz = 1184, interval = 1186, timetz = 1266, bit = 1560, varbit = 1562,
                               numeric = 1700, uuid = 2950, jsonb = 3802;
}  // namespace oid

enum class cell_format : std::uint8_t { text = 0, binary = 1 };

// SQLite types each value by itself, not by column. Drivers for typed engines leave `by_column`.
enum class storage : std::uint8_t { by_column, integer, real, text, blob };

struct column {
    std::string name;
    std::uint32_t type = oid::text;
    std::int32_t type_modifier = -1;
    std::int16_t type_size = -1;  // as RowDescription has it; -1 = varies
    std::uint32_t table = 0;      // the table's oid on the server that answered; 0 = not a plain column
    std::int16_t table_column = 0;
    cell_format format = cell_format::text;

    friend bool operator==(const column&, const column&) = default;
};

using columns = std::vector<column>;

// NULL or the bytes.
using cell = std::optional<std::string_view>;

class row_batch {
public:
    // Building: add() each cell of a row in order, then end_row(). All rows of a batch have the same width.
    void add(cell bytes, storage kind = storage::by_column);
    void end_row();
    // Takes out the cells that came after the last whole row, so that a row which fails half-way leaves nothing behind.
    void drop_unfinished() noexcept;
    // A whole row at once, whose cells lie in one run of bytes with something else between them, as a driver receives
    // it: cheaper than add() for each. The run is kept as it is.
    struct place {
        std::uint32_t offset;  // in the run
        std::int32_t length;   // -1 = NULL
    };
    void add_row(std::string_view run, std::span<const place> cells);
    // The same for a long run, which is not copied. Precondition: the batch is empty.
    void adopt_row(std::string&& run, std::span<const place> cells);
    // Empties the batch and keeps its memory, but for that of a long row.
    void clear() noexcept;

    std::size_t rows() const noexcept { return rows_; }
    std::size_t width() const noexcept { return width_; }
    std::size_t byte_size() const noexcept { return bytes_.size(); }
    bool empty() const noexcept { return rows_ == 0; }
    cell at(std::size_t row, std::size_t column) const noexcept;
    storage kind_at(std::size_t row, std::size_t column) const noexcept;
    // A cell's bytes, to be changed in their place; none for NULL.
    std::span<char> writable(std::size_t row, std::size_t column) noexcept;

private:
    struct slot {
        std::uint32_t offset;
        std::int32_t length;  // -1 = NULL
        storage kind;
    };
    std::vector<slot> slots_;
    std::string bytes_;
    std::size_t rows_ = 0;
    std::size_t width_ = 0;
};

// While it lives, one row is being built in a batch: however the builder leaves, the batch has the whole row or none of it.
class unfinished_row {
public:
    explicit unfinished_row(row_batch& of) noexcept : of_(of) {}
    ~unfinished_row() { of_.drop_unfinished(); }
    unfinished_row(const unfinished_row&) = delete;
    unfinished_row& operator=(const unfinished_row&) = delete;

private:
    row_batch& of_;
};

}  // namespace ashlar
