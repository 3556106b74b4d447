// records.hpp: a file's bytes → records of fields, in CSV or in COPY's text format, as PostgreSQL reads them. Pure.
//
// A record that cannot be read is handed out with its problem, and reading goes on at the next line: who reads decides
// what becomes of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar::cli::load {

enum class file_format { csv, text };

struct record_style {
    file_format format = file_format::csv;
    char delimiter = ',';
    std::string null_text;  // csv: an unquoted field of this text is NULL; text: "\N" in general
};

using field = std::optional<std::string_view>;  // nullopt: NULL

struct record {
    std::vector<field> fields;       // views into the file or into the reader's memory: valid until its next record
    std::size_t begin = 0, end = 0;  // bytes of the file, with the line end
    std::uint64_t line = 0;          // 1-based, of its first byte
    std::string problem;             // not empty: it cannot be read, and has no fields
};

class record_reader {
public:
    // `all` outlives the reader. Reading begins at `offset`, which is line number `line`.
    record_reader(std::string_view all, record_style style, std::size_t offset = 0, std::uint64_t line = 1);

    // False at the end. A blank line is a record of one empty field, as PostgreSQL has it.
    bool next(record& into);
    std::size_t offset() const noexcept { return at_; }
    std::uint64_t line() const noexcept { return line_; }

private:
    struct piece {  // of a field: in the file, or in scratch_
        bool null = false, in_scratch = false;
        std::size_t begin = 0, length = 0;
    };
    void next_csv(record& into);
    void next_text(record& into);
    bool csv_field(std::string& problem);  // true: it was the record's last
    bool text_field();
    void take_escape();
    void end_line();
    void finish(record& into, std::string problem);

    std::string_view all_;
    record_style style_;
    std::size_t at_;
    std::uint64_t line_;
    std::string scratch_;
    std::vector<piece> pieces_;
};

}  // namespace ashlar::cli::load
