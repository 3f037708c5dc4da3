// The canonical text of a module. Tokens are those of the source; what changes is the space between them: two blanks
// of indentation for each bracket, a fixed space round each token, at most one empty line. Where the writer broke a
// line, a break stays; where a block was on one line, it stays there.
#include "syntax/marks.hpp"
#include "syntax/syntax.hpp"
#include "syntax/tokens.hpp"

namespace metac::dsl {

namespace {

constexpr int indent_step = 2;

struct Piece {
  Token token;
  std::string_view text;
  int line_breaks = 0;      // in the source, between the piece before and this one
  bool multi_line = false;  // of a `{`: its block stands on several lines
  bool empty = false;       // of a `{`: nothing inside
};

std::vector<Piece> read_pieces(std::string_view text) {
  std::vector<Piece> pieces;
  std::vector<std::size_t> open;
  int line_breaks = 0;
  for (Token token = token_at(text, 0); token.kind != TokenKind::end; token = token_at(text, token.end)) {
    if (token.kind == TokenKind::newline) {
      ++line_breaks;
      if (!open.empty()) pieces[open.back()].multi_line = true;
      continue;
    }
    const std::string_view words = view(text, token);
    const bool closes = token.kind == TokenKind::symbol && (words == ")" || words == "]" || words == "}");
    const bool opens = token.kind == TokenKind::symbol && (words == "(" || words == "[" || words == "{");
    if (closes && !open.empty()) {
      if (open.back() + 1 == pieces.size()) pieces.back().empty = true;
      open.pop_back();
    }
    pieces.push_back({token, words, line_breaks, false, false});
    if (opens) open.push_back(pieces.size() - 1);
    line_breaks = 0;
  }
  return pieces;
}

class Formatter {
 public:
  Formatter(std::string_view text, const Marks& marks) : marks_(marks), pieces_(read_pieces(text)) {}

  std::string run() {
    for (at_ = 0; at_ < pieces_.size(); ++at_) add(pieces_[at_]);
    if (!out_.empty()) out_ += '\n';
    return std::move(out_);
  }

 private:
  struct Bracket {
    const Piece* opening;
    int line_indent;  // of the line it was opened on
  };

  void add(const Piece& piece) {
    breaks_ += piece.line_breaks;
    if (is_separator(piece)) {
      separator_ = piece.text;
      return;
    }
    const bool closes = is_symbol(piece, ")") || is_symbol(piece, "]") || is_symbol(piece, "}");
    if (last_ && breaks_before(piece)) {
      start_line(piece, closes);
    } else if (last_) {
      if (!separator_.empty() && !closes && piece.token.kind != TokenKind::comment && !is_symbol(*last_, "{"))
        out_ += separator_;
      out_.append(space_before(piece), ' ');
    }
    separator_ = {};
    breaks_ = 0;
    write(piece, closes);
  }

  void write(const Piece& piece, bool closes) {
    std::string_view words = piece.text;
    while (piece.token.kind == TokenKind::comment && (words.ends_with(' ') || words.ends_with('\t')))
      words.remove_suffix(1);
    out_ += words;
    if (closes && !brackets_.empty()) brackets_.pop_back();
    if (is_symbol(piece, "(") || is_symbol(piece, "[") || is_symbol(piece, "{")) brackets_.push_back({&piece, indent_});
    last_ = &piece;
  }

  // `;` anywhere, `,` among options: written only where something follows on the line.
  bool is_separator(const Piece& piece) const {
    if (is_symbol(piece, ";")) return true;
    return is_symbol(piece, ",") && in_braces() && !brackets_.empty();
  }

  bool is_symbol(const Piece& piece, std::string_view symbol) const {
    return piece.token.kind != TokenKind::comment && piece.text == symbol;
  }
  bool in_braces() const { return brackets_.empty() || is_symbol(*brackets_.back().opening, "{"); }
  bool starts(const Piece& piece) const { return marks_.starts.contains(piece.token.begin); }

  bool breaks_before(const Piece& piece) const {
    const bool comment = piece.token.kind == TokenKind::comment;
    if (last_->token.kind == TokenKind::comment) return true;
    if (comment) return breaks_ > 0;
    if (is_symbol(piece, "}") && in_braces() && !brackets_.empty()) {
      return brackets_.back().opening->multi_line && !brackets_.back().opening->empty;
    }
    if (is_symbol(*last_, "{")) return last_->multi_line;
    if (breaks_ == 0) return false;
    if (is_symbol(piece, "{")) return false;
    return !(piece.text == "else" && is_symbol(*last_, "}"));
  }

  void start_line(const Piece& piece, bool closes) {
    const bool comment = piece.token.kind == TokenKind::comment;
    const bool after_opening = is_symbol(*last_, "{") || is_symbol(*last_, "(") || is_symbol(*last_, "[");
    const bool parted = breaks_ > 1 && !after_opening && !closes && (starts(piece) || (comment && !continues(piece)));
    out_ += parted ? "\n\n" : "\n";
    indent_ = indentation(piece, closes);
    out_.append(indent_, ' ');
  }

  int indentation(const Piece& piece, bool closes) const {
    if (brackets_.empty()) return continues(piece) ? indent_step : 0;
    const Bracket& inner = brackets_.back();
    if (closes) return inner.line_indent;
    return inner.line_indent + indent_step + (in_braces() && continues(piece) ? indent_step : 0);
  }

  // Whether the piece, or what stands below the comment that it is, goes on with a statement begun above.
  bool continues(const Piece& piece) const {
    if (!in_braces()) return false;
    const Piece* below = &piece;
    while (below->token.kind == TokenKind::comment) {
      if (below == &pieces_.back()) return false;
      ++below;
    }
    if (below->text == ";" || below->text == "," || below->text == "}") return false;
    return !starts(*below);
  }

  std::size_t space_before(const Piece& piece) const {
    if (piece.token.kind == TokenKind::comment) return 2;
    return is_tight(piece) ? 0 : 1;
  }

  bool is_tight(const Piece& piece) const {
    const std::string_view left = last_->token.kind == TokenKind::symbol ? last_->text : std::string_view();
    const std::string_view right = piece.token.kind == TokenKind::symbol ? piece.text : std::string_view();
    const bool in_index = !brackets_.empty() && is_symbol(*brackets_.back().opening, "[");
    if (right == "," || right == ")" || right == "]") return true;
    if (right == ":") return left != ",";
    if (left == "(" || left == "[" || (left == ":" && in_index)) return true;
    if (left == "{" && right == "}") return true;
    if (left == "." || right == "." || left == ".." || right == ".." || left == "^" || right == "^") return true;
    if (left == "-" && marks_.prefixes.contains(last_->token.begin)) return true;
    if (right == "(" || right == "[") return opens_tightly(piece);
    return false;
  }

  // The bracket of a call, an index, a shape or parameters.
  bool opens_tightly(const Piece& piece) const {
    if (marks_.groups.contains(piece.token.begin) || last_->text == "fn") return false;
    const std::string_view left = last_->text;
    return last_->token.kind != TokenKind::symbol || left == ")" || left == "]" || left == "}";
  }

  const Marks& marks_;
  std::vector<Piece> pieces_;
  std::vector<Bracket> brackets_;
  std::string out_;
  std::string_view separator_;   // left out so far
  const Piece* last_ = nullptr;  // written last
  std::size_t at_ = 0;
  int breaks_ = 0;  // line breaks in the source since then
  int indent_ = 0;  // of the present line
};

}  // namespace

std::string print(const Module& module, const Sources& sources) {
  const Marks marks = find_marks(module);
  return Formatter(sources.text(module.file), marks).run();
}

}  // namespace metac::dsl
