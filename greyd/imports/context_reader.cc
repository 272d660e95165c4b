#include "greyd/imports/context_reader.h"

#include <utility>

#include "greyd/imports/line_reader.h"
#include "greyd/state/context_text.h"

namespace grey::imports {
namespace {

ContextForm form_in_state(Form form) {
  if (form == Form::indimail) return ContextForm::indimail;
  return form == Form::greydaemon ? ContextForm::greydaemon : ContextForm::qmail_greyd;
}

class ContextReader : public Reader {
 public:
  ContextReader(Form form, std::string name, Visit visit)
      : Reader(std::move(name), std::move(visit)), form_(form) {}

 private:
  void on_bytes(std::string_view bytes) override {
    if (bytes.size() > kMaxFed - text_.size()) {
      return fail(0, "is too long to be read from a pipe: a file can be of any length");
    }
    text_.append(bytes);
  }
  void on_end() override { on_whole(text_); }

  void on_whole(std::string_view text) override {
    const auto form = form_of(text.substr(0, kSample));
    if (form && form != form_) return fail(0, "is of another form");
    std::uint64_t number = 0;
    const ContextContent content =
        read_context(text, [&](const SavedRecord& saved) { give(++number, item_of(saved)); });
    if (content.form == form_in_state(form_) && content.damage.empty()) return;
    if (content.first_bad_line != 0) return fail(file_line(content), "is no record");
    fail(0, content.damage.empty() ? "is of another form" : content.damage);
  }

  // Our own counts lines after the header.
  static std::uint64_t file_line(const ContextContent& content) {
    return content.first_bad_line + (content.form == ContextForm::qmail_greyd ? 1 : 0);
  }

  What item_of(const SavedRecord& saved) const {
    if (!may_be_kept(saved.sender) || !may_be_kept(saved.recipient)) {
      return Skip{Reason::no_octets, saved.recipient};
    }
    Record record;
    record.record_class = saved.record_class;
    record.client = network_of(saved.client.ip);
    record.name = saved.client.name;
    record.pool = saved.client.pool;
    record.sender = saved.sender;
    record.recipient = saved.recipient;
    record.seen = saved.seen;
    // greydaemon counts no good retries.
    if (is_of_client(saved.record_class) && form_ == Form::context) {
      record.passes = saved.passes;
    }
    return record;
  }

  Form form_;
  std::string text_;
};

}  // namespace

std::unique_ptr<Reader> context_reader(Form form, std::string name, Visit visit) {
  return std::make_unique<ContextReader>(form, std::move(name), std::move(visit));
}

}  // namespace grey::imports
