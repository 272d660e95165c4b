// What another greylister has remembered, in batches.
#include <algorithm>
#include <memory>
#include <utility>

#include "greyd/control/answers.h"
#include "greyd/core/record_filter.h"
#include "greyd/imports/judge.h"
#include "greyd/imports/line_reader.h"
#include "greyd/state/record_text.h"

namespace grey {
namespace {

using Counted = Service::Imported;

// A record of a request, with what its views point into.
struct Given {
  std::string name, sender, recipient;
  imports::Record record;
};

tl::unexpected<Error> bad(const Request& object, std::string_view what) {
  return misuse("import: " + object.command() + ": " + std::string(what));
}

Result<void> read_client(Request& object, Given& given) {
  const auto text = object.text("client");
  if (!text) return bad(object, "field client: missing");
  if (text->starts_with('=')) {
    auto name = text->size() == 1 ? std::string() : read_word(text->substr(1));
    if (!name) return bad(object, "field client: not a word behind '='");
    given.name = std::move(*name);
    given.record.name = given.name;
    return {};
  }
  if (const auto pool = Client::parse_pool(*text)) {
    given.name = *pool->name;
    given.record.name = given.name;
    given.record.pool = pool->pool;
    return {};
  }
  const auto client = imports::read_client(*text);
  if (!client) return bad(object, "field client: no address: " + to_word(text->substr(0, 40)));
  given.record.client = *client;
  return {};
}

// As append_record_json() writes it.
Result<void> read_record(Request& object, Given& given) {
  const auto state = object.text("state");
  const auto record_class = state ? class_named(*state) : std::nullopt;
  if (!record_class) return bad(object, "field state: missing, or unknown");
  if (auto client = read_client(object, given); !client) return client;
  const bool waiting = *record_class == RecordClass::waiting;
  const auto seen = object.number(waiting ? "first_seen" : "last_seen");
  if (!seen) return bad(object, waiting ? "first_seen: missing" : "last_seen: missing");
  given.record.record_class = *record_class;
  given.record.seen = *seen;
  if (is_of_client(*record_class)) {
    const bool trapped = *record_class == RecordClass::trapped;
    const auto number = object.number(trapped ? "traps" : "passes");
    const auto count = imports::count_of(*record_class, number);
    if (!count) return bad(object, "field traps: not from 1 to 255");
    given.record.passes = *count;
  } else {
    auto sender = object.word("sender"), recipient = object.word("recipient");
    if (!sender || !recipient) return bad(object, "fields sender and recipient are wanted");
    given.sender = std::move(*sender);
    given.recipient = std::move(*recipient);
    given.record.sender = given.sender;
    given.record.recipient = given.recipient;
  }
  if (auto good = object.end(); !good) return misuse("import: " + good.error().text);
  return {};
}

Result<Entry> entry_of(Request& object, Seconds now) {
  const auto kind = object.text("list");
  const auto text = object.word("entry");
  const auto since = object.number("since");
  Entry entry;
  entry.until = object.number("until");
  if (auto good = object.end(); !good) return misuse("import: " + good.error().text);
  if (kind != "allow" && kind != "block") return bad(object, "field list: neither allow nor block");
  if (!text) return bad(object, "field entry: missing");
  entry.kind = kind == "allow" ? Entry::Kind::allow : Entry::Kind::block;
  entry.text = *text;
  entry.since = std::min(since.value_or(now), now);
  entry.by = "import";
  return entry;
}

std::string counted_line(const Counted& counted) {
  std::string out;
  JsonLine line(out);
  line.flag("done", true).number("taken", counted.taken).number("had", counted.had);
  line.number("over", counted.over).end();
  return out;
}

}  // namespace

Commands::Answer Commands::import(Call& call) {
  std::vector<Request> records = call.request.objects("records");
  std::vector<Request> entries = call.request.objects("entries");
  const auto lines = call.request.text("lines");
  const bool dry_run = call.request.flag("dry_run");
  if (auto good = call.request.end(); !good) return refuse(good.error());
  if (int(lines.has_value()) + int(!records.empty()) + int(!entries.empty()) != 1) {
    return refuse({"import: one of records, lines and entries is wanted", kExitMisuse});
  }
  if (lines) return import_lines(*lines, call.now, dry_run);
  if (std::max(records.size(), entries.size()) > kMaxImported) {
    return refuse(
        {"import: more than " + std::to_string(kMaxImported) + " at a time", kExitMisuse});
  }
  if (!entries.empty() && dry_run) {
    return refuse({"import: dry_run is of records alone", kExitMisuse});
  }
  return entries.empty() ? import_records(std::move(records), call.now, dry_run)
                         : import_entries(std::move(entries), call);
}

// All or none: a record that is bad leaves nothing of the batch.
Commands::Answer Commands::import_records(std::vector<Request> objects, Seconds now, bool dry_run) {
  const Policy& policy = service_.greylist().policy();
  std::vector<Given> given(objects.size());  // never grows: the records point into it
  std::vector<SavedRecord> records;
  records.reserve(objects.size());
  std::size_t over = 0;
  for (std::size_t i = 0; i < objects.size(); ++i) {
    if (auto read = read_record(objects[i], given[i]); !read) return refuse(read.error());
    const auto judged = imports::judge({{}, given[i].record}, policy, now);
    if (const auto* record = std::get_if<SavedRecord>(&judged)) {
      records.push_back(*record);
    } else if (const auto* skip = std::get_if<imports::Skip>(&judged)) {
      if (skip->reason != imports::Reason::expired) {
        return refuse(bad(objects[i], to_string(skip->reason)).value());
      }
      ++over;
    } else {
      return refuse(bad(objects[i], to_string(imports::Reason::wide)).value());
    }
  }
  return import_saved(records, over, now, dry_run);
}

// The same of lines of a context file: they are read faster, and are judged already, but for what
// the policy may not hold.
Commands::Answer Commands::import_lines(std::string_view text, Seconds now, bool dry_run) {
  const bool by_name = service_.greylist().policy().personality == Personality::greydaemon;
  std::vector<RecordReader> readers(kMaxImported);  // never grows: the records point into it
  std::vector<SavedRecord> records;
  records.reserve(kMaxImported);
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const std::string number = std::to_string(records.size() + 1);
    if (records.size() == kMaxImported) {
      return refuse(
          {"import: more than " + std::to_string(kMaxImported) + " at a time", kExitMisuse});
    }
    const SavedRecord* const record = readers[records.size()].read(line);
    if (record == nullptr || record->change != Change::stored) {
      return refuse({"import: line " + number + " is no record", kExitMisuse});
    }
    if (!record->client.has_address() && record->client.is_pool() == by_name) {
      return refuse({"import: line " + number + ": its client is no address", kExitMisuse});
    }
    records.push_back(*record);
    records.back().seen = std::min(record->seen, now);
  }
  return import_saved(records, 0, now, dry_run);
}

Commands::Answer Commands::import_saved(std::span<const SavedRecord> records, std::size_t over,
                                        Seconds now, bool dry_run) {
  if (!dry_run && !service_.files().journaling()) return refuse(not_on_disk(0, "taken"));
  Counted counted = dry_run ? service_.would_import(records, now) : service_.import(records, now);
  counted.over += over;
  if (!dry_run && !service_.files().journaling())
    return refuse(not_on_disk(counted.taken, "taken"));
  return {.lines = counted_line(counted)};
}

// Likewise, and written once.
Commands::Answer Commands::import_entries(std::vector<Request> objects, Call& call) {
  std::vector<Entry> entries;
  const auto counted = std::make_shared<Counted>();
  for (Request& object : objects) {
    auto entry = entry_of(object, call.now);
    if (!entry) return refuse(entry.error());
    if (entry->is_over(call.now)) {
      ++counted->over;
    } else {
      entries.push_back(std::move(*entry));
    }
  }
  const auto taken = std::make_shared<std::vector<Entry>>();
  const auto change = [entries = std::move(entries), counted, taken](Entries& of) -> Result<void> {
    Entries all = of;
    for (const Entry& entry : entries) {
      const auto merged = all.merge(entry);
      if (!merged) return tl::make_unexpected(merged.error());
      ++(*merged ? counted->taken : counted->had);
      if (*merged) taken->push_back(entry);
    }
    of = std::move(all);
    return {};
  };
  const auto done = [counted, taken, sharing = sharing_,
                     later = std::move(call.later)](const Result<void>& outcome) {
    if (outcome && sharing != nullptr) {
      for (const Entry& entry : *taken) sharing->put(entry);
    }
    later(outcome ? counted_line(*counted) : error_line(outcome.error()));
  };
  service_.entries().change(change, done);
  return {.later = true};
}

}  // namespace grey
