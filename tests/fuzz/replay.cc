// Gives a fuzz target the inputs that have reached something new, once each.
// usage: TARGET FILE      of scripts/fuzz --keep: an input a line, with \\ and \xHH in it
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

// Nothing for what is no such line.
std::optional<std::vector<std::uint8_t>> input_of(std::string_view line) {
  std::vector<std::uint8_t> input;
  while (!line.empty()) {
    if (line.front() != '\\') {
      input.push_back(std::uint8_t(line.front()));
      line.remove_prefix(1);
    } else if (line.starts_with("\\\\")) {
      input.push_back('\\');
      line.remove_prefix(2);
    } else {
      std::uint8_t octet = 0;
      if (line.size() < 4 || line[1] != 'x') return std::nullopt;
      const auto [end, error] = std::from_chars(line.data() + 2, line.data() + 4, octet, 16);
      if (error != std::errc() || end != line.data() + 4) return std::nullopt;
      input.push_back(octet);
      line.remove_prefix(4);
    }
  }
  return input;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 100;
  std::ifstream file(argv[1]);
  std::size_t number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    const auto input = input_of(line);
    if (!input) {
      std::fprintf(stderr, "%s:%zu: is no input\n", argv[1], number);
      return 1;
    }
    LLVMFuzzerTestOneInput(input->data(), input->size());
  }
  // No file, or one of nothing, is no test.
  std::printf("%zu inputs\n", number);
  return number > 0 ? 0 : 1;
}
