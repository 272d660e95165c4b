// Asks the DNS, by libunbound: the only user of it. A stub that asks the servers of resolv.conf(5),
// or one that is named, with small caches of its own. Work is done in a thread of the library's.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "greyd/base/error.h"
#include "greyd/spf/flattening.h"

struct ub_ctx;

namespace grey {

class Resolver {
 public:
  using Done = std::function<void(const spf::Answer&)>;

  // `server`: "192.0.2.1@53"; empty: those of resolv.conf, which is read now. No thread has begun
  // when this returns: that is with the first question.
  static Result<Resolver> open(const std::string& server);
  Resolver(Resolver&&) noexcept = default;
  ~Resolver();

  // `done` is called by work(), once, whatever happens. False: it cannot be asked now.
  bool ask(const spf::Question& question, Done done);
  // Questions that are open: they end by themselves, by the library's time-outs at the latest.
  std::size_t open() const { return *open_; }

  int fd() const;  // readable when there is something for work()
  void work();
  // Whether resolv.conf is another than was read.
  bool is_outdated() const;

 private:
  explicit Resolver(ub_ctx* context);

  struct Close {
    void operator()(ub_ctx* context) const;
  };
  std::unique_ptr<ub_ctx, Close> context_;
  std::unique_ptr<std::size_t> open_ = std::make_unique<std::size_t>(0);
  bool of_file_ = false;
  struct stat file_ {};
};

}  // namespace grey
