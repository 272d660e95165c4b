// The networks of the domains that entries of lists and rules name (`spf:example.com`): asked for
// again when their time is over, and kept on the disk, so that a start without DNS has them.
//
// What is good stays in force until something better is known: while the DNS does not answer, for
// any time; when it says that the domain has no SPF record any more, or one with an error, for a
// week, as that is hardly meant.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "greyd/base/background.h"
#include "greyd/base/error.h"
#include "greyd/base/seconds.h"
#include "greyd/lists/lists.h"
#include "greyd/spf/flattened.h"
#include "greyd/state/networks_file.h"

namespace grey {

class ListedNetworks {
 public:
  static constexpr Seconds kPause = 60;         // between two questions about one
  static constexpr Seconds kKept = 7 * 86'400;  // good ones, against the domain's word
  static constexpr Seconds kPatience = 5 * 60;  // before it is said that one is not known

  using Report = std::function<void(const std::string& text)>;
  using Want = std::function<void(const std::string& domain, Seconds now)>;

  // `path`: see state/networks_file.h. `background` must outlive it. `report`: what an operator
  // should know.
  ListedNetworks(std::string path, Background& background, Report report);
  ~ListedNetworks();
  ListedNetworks(const ListedNetworks&) = delete;
  ListedNetworks& operator=(const ListedNetworks&) = delete;

  // As load_networks() has it, but that what cannot be read is noted, and is no error.
  void load(Seconds now, std::string& note);
  // Who asks; empty: nobody does.
  void ask_by(Want want) { want_ = std::move(want); }

  // The lists that are in force name these, from now on.
  void follow(const std::set<std::string>& domains, Seconds now);
  // What has become of one that was asked about. True: its networks are others than they were.
  bool take(const std::string& domain, const spf::Flattened& flattened, Seconds now);
  // To be called about once a second: asks for what is due, and writes what has changed.
  void tick(Seconds now);
  // Writes it now, behind what the background has begun.
  void save();

  // Null: it is not known.
  const std::vector<Network>* networks(std::string_view domain) const;

  struct Standing {
    std::string domain;
    const KnownNetworks* known = nullptr;  // null: nothing is
    std::optional<spf::Ended> last{};  // what became of the last question; nothing: no answer yet
  };
  // Of each that is followed, in the order of their names; of up to `most` behind one.
  std::vector<Standing> standing(std::string_view behind = {}, std::size_t most = SIZE_MAX) const;
  // "spf:example.com: not known: the DNS gave no answer", of those that are not known.
  std::vector<std::string> problems(Seconds now) const;

 private:
  struct Followed {
    Seconds since = 0;                 // followed
    Seconds asked_at = 0;              // 0: never
    std::optional<spf::Ended> last{};  // nothing: no answer has come yet
    bool told = false;                 // that it is not known
  };

  void write();
  bool is_due(const std::string& domain, const Followed& followed, Seconds now) const;
  std::string problem_of(const std::string& domain, const Followed& followed, Seconds now) const;

  const std::string path_;
  Background& background_;
  const Report report_;
  Want want_;
  std::map<std::string, Followed, std::less<>> followed_;
  NetworksByDomain known_;
  bool writes_ = true, changed_ = false, writing_ = false, failing_ = false;
  Seconds written_at_ = 0;
  // Who is called back by the background may find us gone.
  std::shared_ptr<ListedNetworks*> self_ = std::make_shared<ListedNetworks*>(this);
};

}  // namespace grey
