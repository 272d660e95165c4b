#include "greyd/lookup_helper/resolver.h"

#include <unbound.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <utility>

namespace grey {
namespace {

constexpr const char* kResolvConf = "/etc/resolv.conf";
constexpr const char* kThisHost = "127.0.0.1";  // where resolv.conf names nobody
constexpr int kInternet = 1;                    // the class
constexpr int kNoError = 0, kNoSuchName = 3;    // response codes

constexpr Seconds kMostNegativeTtl = 3600;

// What a version of the library does not know, it does without.
constexpr std::pair<const char*, const char*> kSettings[] = {
    // It forwards: signatures are the business of the server that it asks.
    {"module-config:", "iterator"},
    {"do-not-query-localhost:", "no"},
    {"qname-minimisation:", "no"},
    // Memory, in octets and numbers; one slab each, as there is one thread.
    {"msg-cache-size:", "1m"},
    {"rrset-cache-size:", "2m"},
    {"infra-cache-numhosts:", "64"},
    {"msg-cache-slabs:", "1"},
    {"rrset-cache-slabs:", "1"},
    {"infra-cache-slabs:", "1"},
    {"num-queries-per-thread:", "512"},
    {"outgoing-range:", "256"},
    {"outgoing-num-tcp:", "16"},
    {"incoming-num-tcp:", "1"},
    {"so-rcvbuf:", "0"},
    {"edns-buffer-size:", "1232"},  // no fragments
    // A server that was away is tried again soon: who is asked for is answered late all the same.
    {"infra-host-ttl:", "30"},
    {"infra-keep-probing:", "yes"},
    {"cache-max-negative-ttl:", "3600"},  // kMostNegativeTtl
    {"use-syslog:", "no"},
    {"verbosity:", "0"},
};

struct Pending {
  Resolver::Done done;
  std::size_t* open;
};

spf::Answer answer_of(int error, const ub_result* result) {
  using Kind = spf::Answer::Kind;
  spf::Answer answer;
  if (error != 0 || result == nullptr || result->bogus != 0 || result->was_ratelimited != 0) {
    return answer;
  }
  answer.ttl = result->ttl;
  if (result->havedata != 0) {
    answer.kind = Kind::found;
    for (std::size_t i = 0; result->data[i] != nullptr; ++i) {
      answer.data.emplace_back(result->data[i], std::size_t(result->len[i]));
    }
  } else if (result->rcode == kNoError || result->rcode == kNoSuchName) {
    answer.kind = Kind::nothing;
    // The library's bound is for what comes with a SOA record; without one it is its own guess.
    answer.ttl = std::min(answer.ttl, kMostNegativeTtl);
  }
  return answer;
}

// Called by the library from C: nothing leaves it.
void take(void* data, int error, ub_result* result) {
  const std::unique_ptr<Pending> pending(static_cast<Pending*>(data));
  --*pending->open;
  try {
    pending->done(answer_of(error, result));
  } catch (const std::exception&) {
    std::fputs("no memory\n", stderr);
  }
  ub_resolve_free(result);
}

}  // namespace

void Resolver::Close::operator()(ub_ctx* context) const {
  ub_ctx_delete(context);
}

Resolver::Resolver(ub_ctx* context) : context_(context) {}
Resolver::~Resolver() = default;

Result<Resolver> Resolver::open(const std::string& server) {
  Resolver resolver(ub_ctx_create());
  ub_ctx* const context = resolver.context_.get();
  if (context == nullptr)
    return failure("cannot begin to ask the DNS: no memory, or no randomness");
  ub_ctx_debugout(context, nullptr);
  for (const auto& [name, value] : kSettings) ub_ctx_set_option(context, name, value);
  if (ub_ctx_async(context, 1) != 0) return failure("libunbound has no threads");
  if (!server.empty()) {
    if (const int error = ub_ctx_set_fwd(context, server.c_str())) {
      return failure("cannot ask " + server + ": " + ub_strerror(error));
    }
    return resolver;
  }
  resolver.of_file_ = true;
  const bool there = ::stat(kResolvConf, &resolver.file_) == 0;
  int error = there ? ub_ctx_resolvconf(context, kResolvConf) : 0;
  if (!there) error = ub_ctx_set_fwd(context, kThisHost);
  if (error != 0)
    return failure(std::string("cannot use ") + kResolvConf + ": " + ub_strerror(error));
  return resolver;
}

bool Resolver::ask(const spf::Question& question, Done done) {
  auto pending = std::make_unique<Pending>(Pending{std::move(done), open_.get()});
  if (ub_resolve_async(context_.get(), question.name.c_str(), int(question.type), kInternet,
                       pending.get(), take, nullptr) != 0) {
    return false;
  }
  ++*open_;
  pending.release();  // take()'s
  return true;
}

int Resolver::fd() const {
  return ub_fd(context_.get());
}

void Resolver::work() {
  ub_process(context_.get());
}

bool Resolver::is_outdated() const {
  struct stat now {};
  if (!of_file_) return false;
  if (::stat(kResolvConf, &now) != 0) return file_.st_ino != 0;
  return now.st_ino != file_.st_ino || now.st_dev != file_.st_dev || now.st_size != file_.st_size ||
         now.st_mtim.tv_sec != file_.st_mtim.tv_sec || now.st_mtim.tv_nsec != file_.st_mtim.tv_nsec;
}

}  // namespace grey
