#include "greyd/store/redis_protocol.h"

#include <hiredis.h>

#include <charconv>
#include <new>

#include "greyd/base/append.h"

namespace grey {

namespace {

// What hiredis hands to the functions below.
struct Making {
  std::size_t items = 0, bytes = 0;  // of the reply that is being made
  bool too_many = false;
  bool no_memory = false;
};

// Where the value that hiredis has read is to stand: in its parent, whose items have been made, or
// by itself. nullptr: hiredis gives up.
Reply* place_of(const redisReadTask* task) noexcept {
  if (task->parent != nullptr) {
    auto& items = static_cast<Reply*>(task->parent->obj)->items;
    return std::size_t(task->idx) < items.size() ? &items[std::size_t(task->idx)] : nullptr;
  }
  auto* const reply = new (std::nothrow) Reply;
  if (reply == nullptr) static_cast<Making*>(task->privdata)->no_memory = true;
  return reply;
}

// Has `fill` make the value. hiredis is C: no exception goes through it. A value without a parent
// is not hiredis' own until it has been returned.
template <typename Fill>
void* make(const redisReadTask* task, Fill fill) noexcept {
  Reply* const reply = place_of(task);
  if (reply == nullptr) return nullptr;
  try {
    if (fill(*reply)) return reply;
  } catch (const std::exception&) {
    static_cast<Making*>(task->privdata)->no_memory = true;
  }
  if (task->parent == nullptr) delete reply;
  return nullptr;
}

void* make_string(const redisReadTask* task, char* text, std::size_t size) {
  return make(task, [&](Reply& reply) {
    auto& making = *static_cast<Making*>(task->privdata);
    if ((making.bytes += size) > ReplyReader::kMaxBytes) {
      making.too_many = true;
      return false;
    }
    reply.kind = task->type == REDIS_REPLY_ERROR ? Reply::Kind::error : Reply::Kind::bytes;
    reply.text.assign(text, size);
    return true;
  });
}
void* make_array(const redisReadTask* task, int count) {
  return make(task, [&](Reply& reply) {
    auto& making = *static_cast<Making*>(task->privdata);
    // Before there is memory for them: they have only been promised.
    if (count < 0 || (making.items += std::size_t(count)) > ReplyReader::kMaxItems) {
      making.too_many = true;
      return false;
    }
    reply.kind = Reply::Kind::array;
    reply.items.resize(std::size_t(count));
    return true;
  });
}
void* make_integer(const redisReadTask* task, long long value) {
  return make(task, [&](Reply& reply) {
    reply.kind = Reply::Kind::integer;
    reply.integer = value;
    return true;
  });
}
void* make_nil(const redisReadTask* task) {
  return make(task, [](Reply&) { return true; });
}
// Only of what has no parent.
void free_reply(void* reply) {
  delete static_cast<Reply*>(reply);
}

redisReplyObjectFunctions kFunctions = {make_string, make_array, make_integer, make_nil,
                                        free_reply};

}  // namespace

struct ReplyReader::Impl {
  struct Free {
    void operator()(redisReader* of) const { redisReaderFree(of); }
  };
  Making making;
  std::unique_ptr<redisReader, Free> reader;
  bool failed = false;
};

void append_command(std::string& out, const std::vector<std::string>& words) {
  begin_command(out, words.size());
  for (const std::string& word : words) append_bulk(out, word);
}

void begin_command(std::string& out, std::size_t words) {
  out += '*';
  append_number(out, words);
  out += "\r\n";
}

void append_bulk(std::string& out, std::string_view word) {
  char head[24] = "$";
  char* end = std::to_chars(head + 1, head + sizeof head - 2, word.size()).ptr;
  *end++ = '\r';
  *end++ = '\n';
  out.append(head, std::size_t(end - head));
  out.append(word);
  out.append("\r\n", 2);
}

ReplyReader::ReplyReader() : impl_(std::make_unique<Impl>()) {
  impl_->reader.reset(redisReaderCreateWithFunctions(&kFunctions));
  if (impl_->reader == nullptr) throw std::bad_alloc();
  impl_->reader->privdata = &impl_->making;
}
ReplyReader::~ReplyReader() = default;

bool ReplyReader::feed(std::string_view bytes) {
  return redisReaderFeed(impl_->reader.get(), bytes.data(), bytes.size()) == REDIS_OK;
}

tl::expected<std::optional<Reply>, Failure> ReplyReader::next() {
  Impl& impl = *impl_;
  Making& making = impl.making;
  redisReader& reader = *impl.reader;
  void* made = nullptr;
  if (!impl.failed && redisReaderGetReply(&reader, &made) == REDIS_OK) {
    const std::unique_ptr<Reply> reply(static_cast<Reply*>(made));
    if (reply != nullptr) {
      making.items = making.bytes = 0;
      return std::optional<Reply>(std::move(*reply));
    }
    // What is not whole yet.
    if (reader.len - reader.pos <= kMaxBytes) return std::optional<Reply>();
    making.too_many = true;
  }
  impl.failed = true;
  if (making.too_many)
    return store_failure(Fault::no_redis, "a reply is larger than any that is asked for");
  if (making.no_memory) return store_failure(Fault::no_redis, "no memory for a reply");
  return store_failure(Fault::no_redis, "what it says is not Redis' protocol");
}

}  // namespace grey
