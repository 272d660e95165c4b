// How much of the table a client's network and an asking host may hold before what they add to it
// is the first to go.
//
// A record is *within* the shares or *over* them. It is over when it came while its network or its
// asker held all of a share already. The table keeps what is over in orders of their own, which are
// evicted first, so that whoever sends without measure makes room for himself and not at others'
// expense. What is over is stored and counts like any other: shares matter to nobody until the
// table is full, and whoever is alone may fill all of it.
//
// Units and invariants:
// - A record weighs 1 for each kUnit octets that it has begun, so a long one does not take the room
//   of several. The room is so many units: as many as records are allowed.
// - Clients, triplets and what ours have sent have rooms of their own (Kind), and nothing of one is
// held against the
//   other.
// - A network (/24, or /48; a host, where Ip::client_network() says that a network would hold
//   strangers; or a client's name) may hold a 64th of the room; a lone asker the whole of it, one
//   of several an equal part. Neither less than kLeast.
// - What is counted of a holder is the weight of its records that are within, exactly: add() when
//   such a record comes, remove() of the same when it goes. So it is never more than the share was
//   when the last of it came. A record that is over is counted nowhere.
// - A pool's record counts to the network of the client that brought it, so that nobody gets room
// by
//   names that he makes up; where that is not known any more (of a file, an import) to the pool's.
// - What ours have sent counts to who told it alone, and has a room of its own besides (table.h).
// - Records that nobody here has asked about (of a file, an import, another daemon's) are of
//   kNobody, and count for their network alone.
//
// Memory is fixed, so holders share counts:
// - A network's count is the lesser of two cells, one of each row of kCells, chosen by SipHash of
//   the network under a secret key. Others' weight in both cells makes it look fuller, nothing
//   makes it look emptier. As no network brings more than its share, a cell looks full where one is
//   full, or many hold little: at most 64 cells of each row do, whoever fills them, so another
//   network is hit with a probability of (64 / kCells)^2 = 1 : 65536. Who wants to hit a certain
//   one would have to know the key. It costs a network that is hit that its new records go first,
//   too.
// - Askers are counted one by one, up to kAskers of them. Those for whom no place is left are
//   counted as one. They are not many: --allow names them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "greyd/base/hash_key.h"
#include "greyd/wire/ip.h"

namespace grey {

class Shares {
 public:
  enum class Kind : std::uint8_t { triplet, client, sent };
  static constexpr std::size_t kKinds = 3;
  static constexpr std::size_t kUnit = 128;     // octets
  static constexpr std::size_t kLeast = 64;     // units of any share
  static constexpr std::size_t kParts = 64;     // of the room, for networks
  static constexpr std::size_t kCells = 16384;  // of a row; a power of two
  static constexpr std::size_t kAskers = 254;

  // A place among the askers.
  using Asker = std::uint8_t;
  static constexpr Asker kNobody = 0;
  static constexpr Asker kOthers = 255;  // those without a place of their own

  // Where the two rows count a network.
  using Cells = std::array<std::uint16_t, 2>;

  // Whose a record is, and what it weighs.
  struct Load {
    Kind kind = Kind::triplet;
    Cells cells{};
    bool has_network = false;  // false: of what was sent, or of no key that key.h made
    Asker asker = kNobody;
    std::uint32_t weight = 1;
  };

  // Rooms in units.
  Shares(std::size_t triplet_room, std::size_t client_room, std::size_t sent_room,
         const HashKey& hash_key);

  static constexpr std::uint32_t weight_of(std::size_t octets) {
    return std::uint32_t((octets + kUnit - 1) / kUnit);
  }

  // The place of an asker: its own, if it holds anything, or one that is free now. It is its own
  // when something is added there.
  Asker place_of(const Ip& asker);
  // Of the network of a client with an address.
  Cells cells_of(const Ip& client, Kind kind) const;
  // `key`: of a record, as key.h makes it.
  Load load_of(std::string_view key, Kind kind, Asker asker, std::uint32_t weight) const;

  // Whether both network and asker may hold so much more.
  bool has_room(const Load& load) const;
  void add(const Load& load);
  // REQUIRES: it was added.
  void remove(const Load& load);

  // What is counted: of a network, at least; of an asker that has a place, exactly.
  std::uint64_t held(const Load& load) const;
  std::uint64_t held(const Ip& asker, Kind kind) const;
  std::size_t network_share(Kind kind) const { return network_share_[std::size_t(kind)]; }
  // Of one who holds something, or of a newcomer.
  std::size_t asker_share(Kind kind, Asker asker) const;
  std::size_t memory() const { return sizeof *this + kRows * sizeof(Row); }

 private:
  static constexpr std::size_t kRows = 2;
  using Row = std::array<std::uint32_t, kCells>;
  struct Place {
    Ip asker;
    std::array<std::uint32_t, kKinds> held{};
    bool is_free() const { return held == decltype(held)(); }
  };

  const HashKey hash_key_;
  const std::array<std::size_t, kKinds> room_, network_share_;
  std::array<std::size_t, kKinds> holding_{};  // places but kNobody that hold something
  std::unique_ptr<std::array<Row, kRows>> rows_;
  std::array<Place, 256> askers_{};
  Asker last_ = kNobody;  // that place_of() has found
};

}  // namespace grey
