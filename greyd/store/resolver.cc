#include "greyd/store/resolver.h"

#include <netdb.h>

#include <algorithm>
#include <map>
#include <utility>

#include "greyd/net/clock.h"
#include "greyd/net/socket_address.h"
#include "greyd/store/first_thrown.h"

namespace grey {
namespace {

constexpr Seconds kFresh = 30;            // what is older is looked up anew
constexpr std::size_t kMaxAddresses = 8;  // of one name
constexpr std::size_t kMaxWaiting = 64;   // for one name; who has waited longest has given up
constexpr std::size_t kMaxHosts = 256;    // Sentinels may name ever new ones

struct Job {
  std::vector<Ip> addresses;
  int error = 0;
};

struct Host {
  std::vector<Ip> addresses;  // empty: none is known
  Seconds known_since = 0;
  bool looked_up = false;  // now
  std::vector<Resolver::Done> waiting;
};

std::string reason(int error) {
  return error == 0 ? "it has none" : ::gai_strerror(error);
}

}  // namespace

struct Resolver::Impl : std::enable_shared_from_this<Impl> {
  Impl(Background& the_background, Lookup the_lookup)
      : background(the_background), lookup(std::move(the_lookup)) {}

  void look_up(const std::string& name) {
    hosts[name].looked_up = true;
    try {
      give(name);
    } catch (...) {
      hosts[name].looked_up = false;
      throw;
    }
  }

  void give(const std::string& name) {
    auto job = std::make_shared<Job>();
    background.run(
        [job, name, ask = lookup] {
          job->error = ask(name, job->addresses);
          return 0;
        },
        [job, name, weak = weak_from_this()](int error) {
          const std::shared_ptr<Impl> self = weak.lock();
          if (self == nullptr) return;
          if (error != 0) job->error = EAI_MEMORY;
          self->found(name, *job);
        });
  }

  void found(const std::string& name, Job& job) {
    Host& host = hosts[name];
    host.looked_up = false;
    // A name server that is away takes away nothing that is known.
    if (job.error == 0 && !job.addresses.empty()) {
      host.addresses = std::move(job.addresses);
      host.known_since = monotonic_clock();
    }
    const Addresses addresses =
        host.addresses.empty()
            ? Addresses(
                  store_failure(Fault::unresolved, name + ": no address: " + reason(job.error)))
            : Addresses(host.addresses);
    const std::vector<Done> waiting = std::exchange(host.waiting, {});
    FirstThrown thrown;
    for (const Done& done : waiting) thrown.tell([&] { done(addresses); });
    thrown.rethrow();
  }

  void make_room() {
    if (hosts.size() < kMaxHosts) return;
    std::erase_if(hosts, [](const auto& item) { return !item.second.looked_up; });
  }

  Background& background;
  Lookup lookup;
  std::map<std::string, Host> hosts;
};

Resolver::Resolver(Background& background, Lookup lookup)
    : impl_(std::make_shared<Impl>(background, std::move(lookup))) {}
Resolver::~Resolver() = default;

void Resolver::find(const std::string& name, const Done& done) {
  if (const std::optional<Ip> ip = Ip::parse(name)) return done(Addresses(std::vector<Ip>{*ip}));
  const std::shared_ptr<Impl> impl = impl_;
  impl->make_room();
  Host& host = impl->hosts[name];
  const bool fresh = !host.addresses.empty() && monotonic_clock() - host.known_since < kFresh;
  const std::vector<Ip> known = host.addresses;
  if (known.empty()) {
    if (host.waiting.size() == kMaxWaiting) host.waiting.erase(host.waiting.begin());
    host.waiting.push_back(done);
  }
  if (!fresh && !host.looked_up) impl->look_up(name);
  if (!known.empty()) done(Addresses(known));
}

int Resolver::system_lookup(const std::string& name, std::vector<Ip>& addresses) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(name.c_str(), nullptr, &hints, &found);
  if (error != 0) return error;
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> kept(found, ::freeaddrinfo);
  for (const addrinfo* item = found; item != nullptr && addresses.size() < kMaxAddresses;
       item = item->ai_next) {
    const std::optional<Ip> ip = from_socket_address(*item->ai_addr);
    if (ip && std::find(addresses.begin(), addresses.end(), *ip) == addresses.end()) {
      addresses.push_back(*ip);
    }
  }
  return 0;
}

}  // namespace grey
