#include "greyd/imports/json_reader.h"

#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "greyd/base/text.h"
#include "greyd/core/record_filter.h"
#include "greyd/imports/line_reader.h"

namespace grey::imports {
namespace {

struct Fields {
  std::string state, client, sender, recipient;
  std::optional<Seconds> first_seen, last_seen, passes, traps;
  bool has_sender = false, has_recipient = false;
};

// Takes the fields of one flat object; what is deeper in it is passed over.
class FieldTaker : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit FieldTaker(Fields& fields) : fields_(fields) {}

  bool key(string_t& name) override {
    if (depth_ == 1) name_ = std::move(name);
    return true;
  }
  bool string(string_t& value) override {
    if (depth_ != 1) return depth_ > 1;
    if (name_ == "state") {
      fields_.state = std::move(value);
    } else if (name_ == "client") {
      fields_.client = std::move(value);
    } else if (name_ == "sender") {
      take(fields_.sender, fields_.has_sender, value);
    } else if (name_ == "recipient") {
      take(fields_.recipient, fields_.has_recipient, value);
    }
    return true;
  }
  bool number_unsigned(number_unsigned_t value) override {
    if (depth_ != 1) return depth_ > 1;
    constexpr number_unsigned_t kMost = number_unsigned_t{1} << 40;  // seconds; far after any
    if (std::optional<Seconds>* const number = number_of(name_)) {
      if (value > kMost) return false;
      *number = Seconds(value);
    }
    return true;
  }
  bool number_integer(number_integer_t) override { return is_other(); }
  bool number_float(number_float_t, const string_t&) override { return is_other(); }
  bool null() override { return is_other(); }
  bool boolean(bool) override { return is_other(); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return ++depth_ < kDeepest; }
  bool end_object() override { return depth_-- > 0; }
  bool start_array(std::size_t) override { return depth_++ > 0 && depth_ < kDeepest; }
  bool end_array() override { return depth_-- > 0; }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

 private:
  static constexpr int kDeepest = 16;

  // A value that none of our fields has.
  bool is_other() const { return depth_ > 1 || (depth_ == 1 && number_of(name_) == nullptr); }
  std::optional<Seconds>* number_of(const std::string& name) const {
    if (name == "first_seen") return &fields_.first_seen;
    if (name == "last_seen") return &fields_.last_seen;
    if (name == "traps") return &fields_.traps;
    return name == "passes" ? &fields_.passes : nullptr;
  }
  static void take(std::string& field, bool& has, std::string& value) {
    field = std::move(value);
    has = true;
  }

  Fields& fields_;
  std::string name_;
  int depth_ = 0;
};

class JsonReader : public LineReader {
 public:
  using LineReader::LineReader;

 private:
  void on_line(std::string_view line) override {
    if (line.find_first_not_of(" \t") == std::string_view::npos) return;
    Fields fields;
    FieldTaker taker(fields);
    if (!nlohmann::json::sax_parse(line, &taker)) return fail("is no object of an export");
    on_fields(fields);
  }
  void on_torn_line(std::string_view line) override { on_line(line); }  // an object says its end

  void on_fields(Fields& fields) {
    const auto record_class = class_named(fields.state);
    if (!record_class) return fail("has no \"state\", or an unknown one");
    Record record;
    record.record_class = *record_class;
    const bool waiting = *record_class == RecordClass::waiting;
    const auto& seen = waiting ? fields.first_seen : fields.last_seen;
    if (!seen) return fail(waiting ? "has no \"first_seen\"" : "has no \"last_seen\"");
    record.seen = *seen;
    if (fields.client.starts_with('=')) {
      const auto name = read_text(fields.client.substr(1));
      if (!name) return fail("has a bad \"client\"");
      fields.client = *name;
      record.name = fields.client;
    } else if (const auto pool = Client::parse_pool(fields.client)) {
      record.name = pool->name;
      record.pool = pool->pool;
    } else {
      const auto client = read_client(fields.client);
      if (!client) return fail("has no \"client\", or one that is no address");
      record.client = *client;
    }
    if (is_of_client(*record_class)) {
      const bool trapped = *record_class == RecordClass::trapped;
      const auto count = count_of(*record_class, trapped ? fields.traps : fields.passes);
      if (!count) return fail("has no \"traps\" from 1 to 255");
      record.passes = *count;
      return give(record);
    }
    const auto sender = read_text(fields.sender), recipient = read_text(fields.recipient);
    if (!fields.has_sender || !sender) return fail("has no \"sender\", or a bad one");
    if (!fields.has_recipient || !recipient) return fail("has no \"recipient\", or a bad one");
    if (!may_be_kept(*sender) || !may_be_kept(*recipient)) {
      return give(Skip{Reason::no_octets, *recipient});
    }
    record.sender = *sender;
    record.recipient = *recipient;
    give(record);
  }

  // A word of text.h; the empty text may stand as itself.
  static std::optional<std::string> read_text(std::string_view word) {
    return word.empty() ? std::string() : read_word(word);
  }
};

}  // namespace

std::unique_ptr<Reader> json_reader(std::string name, Visit visit) {
  return std::make_unique<JsonReader>(std::move(name), std::move(visit));
}

}  // namespace grey::imports
