package regex

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode"
)

// property returns the set that \p{name} stands for: a general category, a script, or one of the POSIX and derived
// names. Case, blanks, hyphens and underscores in a name do not count.
func property(name string) (set, error) {
	key := strings.NewReplacer(" ", "", "-", "", "_", "").Replace(strings.ToLower(name))
	negate := strings.HasPrefix(key, "^")
	key = strings.TrimPrefix(key, "^")
	build, ok := properties()[key]
	if !ok {
		return nil, fmt.Errorf("unknown character property %q", name)
	}
	s, ok := built.Load(key)
	if !ok {
		s, _ = built.LoadOrStore(key, slices.Clip(build())) // clipped, for appending must not write into it
	}
	if negate {
		return s.(set).negate(), nil
	}
	return s.(set), nil
}

// built keeps the sets of properties that were asked for.
var built sync.Map

// properties maps the folded name of every property to the function that builds its set.
var properties = sync.OnceValue(func() map[string]func() set {
	m := map[string]func() set{}
	for name, t := range unicode.Scripts {
		m[strings.ToLower(strings.ReplaceAll(name, "_", ""))] = func() set { return grow(name, fromTable(t)) }
	}
	for long, short := range categories {
		build := func() set { return category(short) }
		m[strings.ToLower(short)], m[long] = build, build
	}
	for name, build := range derived {
		m[name] = build
	}
	return m
})

// categories maps the long names of the general categories to the short ones.
var categories = map[string]string{
	"letter": "L", "uppercaseletter": "Lu", "lowercaseletter": "Ll", "titlecaseletter": "Lt", "modifierletter": "Lm",
	"otherletter": "Lo", "mark": "M", "nonspacingmark": "Mn", "spacingmark": "Mc", "enclosingmark": "Me", "number": "N",
	"decimalnumber": "Nd", "letternumber": "Nl", "othernumber": "No", "punctuation": "P", "connectorpunctuation": "Pc",
	"dashpunctuation": "Pd", "openpunctuation": "Ps", "closepunctuation": "Pe", "initialpunctuation": "Pi",
	"finalpunctuation": "Pf", "otherpunctuation": "Po", "symbol": "S", "mathsymbol": "Sm", "currencysymbol": "Sc",
	"modifiersymbol": "Sk", "othersymbol": "So", "separator": "Z", "spaceseparator": "Zs", "lineseparator": "Zl",
	"paragraphseparator": "Zp", "control": "Cc", "format": "Cf", "surrogate": "Cs", "privateuse": "Co",
	"other": "C", "unassigned": "Cn", "casedletter": "LC",
}

func category(short string) set {
	switch short {
	case "C":
		return union(category("L"), category("M"), category("N"), category("P"), category("S"), category("Z")).negate()
	case "Cn":
		return union(category("C").negate(), category("Cc"), category("Cf"), category("Cs"), category("Co")).negate()
	case "LC":
		return union(category("Lu"), category("Ll"), category("Lt"))
	case "L", "M", "N", "P", "S":
		var parts []set
		for _, sub := range categories {
			if len(sub) == 2 && sub[:1] == short && sub != "LC" {
				parts = append(parts, category(sub))
			}
		}
		return union(parts...)
	}
	return grow(short, fromTable(unicode.Categories[short]))
}

// derived holds the properties that are made of others, as Oniguruma defines them for Unicode text.
var derived = map[string]func() set{
	"any":        func() set { return set{{0, unicode.MaxRune}} },
	"ascii":      func() set { return set{{0, 0x7F}} },
	"assigned":   func() set { return category("Cn").negate() },
	"alphabetic": alphabetic,
	"alpha":      alphabetic,
	"digit":      func() set { return category("Nd") },
	"alnum":      func() set { return union(alphabetic(), category("Nd")) },
	"word":       word,
	"space":      whitespace,
	"whitespace": whitespace,
	"blank":      func() set { return union(category("Zs"), set{{'\t', '\t'}}) },
	"cntrl":      func() set { return category("Cc") },
	"xdigit":     hexDigit,
	"upper":      func() set { return union(category("Lu"), fromTable(unicode.Other_Uppercase)) },
	"uppercase":  func() set { return union(category("Lu"), fromTable(unicode.Other_Uppercase)) },
	"lower":      func() set { return union(category("Ll"), fromTable(unicode.Other_Lowercase)) },
	"lowercase":  func() set { return union(category("Ll"), fromTable(unicode.Other_Lowercase)) },
	"punct":      func() set { return category("P") },
	"graph":      func() set { return union(whitespace(), category("Cc"), category("Cs"), category("Cn")).negate() },
	"print": func() set {
		return union(category("Cc"), category("Cs"), category("Cn"), fromTable(unicode.Zl), fromTable(unicode.Zp)).negate()
	},
	"ideographic": func() set { return fromTable(unicode.Ideographic) },
}

func alphabetic() set {
	return union(category("L"), category("Nl"), fromTable(unicode.Other_Alphabetic), later["Alphabetic"])
}

func word() set { return union(alphabetic(), category("M"), category("Nd"), category("Pc")) }

func whitespace() set { return fromTable(unicode.White_Space) }

func hexDigit() set { return set{{'0', '9'}, {'A', 'F'}, {'a', 'f'}} }

// wordAlone is \w outside a class. There Oniguruma decides code points below 256 by the table of Latin-1, which counts
// the superscript digits and the fractions.
var wordAlone = sync.OnceValue(func() set {
	return slices.Clip(union(word(), set{{0xB2, 0xB3}, {0xB9, 0xB9}, {0xBC, 0xBE}}))
})

var wordClass = sync.OnceValue(func() *class { return newClass(wordAlone()) })

// Has returns the test for membership in the property that \p{name} stands for. It panics if there is none: names are
// constants of the caller.
func Has(name string) func(rune) bool {
	s, err := property(name)
	if err != nil {
		panic(err)
	}
	c := newClass(s)
	return func(r rune) bool { return uint32(r) <= unicode.MaxRune && c.has(r) }
}
