package text

import (
	"encoding/binary"
	"regexp/syntax"
	"slices"
	"sync"
	"sync/atomic"
	"unicode"
	"unicode/utf8"
)

// automaton finds the matches of a regular expression as package regexp does,
// leftmost and longest, and allocates nothing: a deterministic automaton over
// classes of characters, whose states are made when a text first needs them
// (Thompson 1968; Cox, "Regular Expression Matching Can Be Simple And Fast").
// It is safe for concurrent use.
type automaton struct {
	program *syntax.Prog
	ascii   [utf8.RuneSelf]uint16 // class of a character
	bounds  []rune                // where ranges of characters begin, from 0 on
	classes []uint16              // of the ranges
	samples []rune                // a character of each class
	start   *state
	refused *state // where one state more would be too many

	mu     sync.Mutex
	states map[string]*state
	reads  int // of all states
}

// state is a set of instructions of the program that read a character.
type state struct {
	reads   []uint32
	accepts bool
	next    []atomic.Pointer[state] // by class, nil: not made yet
}

// What an automaton may take; an expression or a text that needs more is left to
// package regexp, whose time is linear.
const (
	maxSamples = 1 << 20 // ranges times instructions when it is made
	maxLinks   = 1 << 16 // states times classes
	maxReads   = 1 << 20 // instructions of all states
	maxSteps   = 32      // per byte of a text
)

// newAutomaton returns nil for an expression that it cannot do: one that looks
// at what stands around a match, or is too large.
func newAutomaton(pattern string) *automaton {
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return nil
	}
	for i := range program.Inst {
		if program.Inst[i].Op == syntax.InstEmptyWidth {
			return nil
		}
	}
	a := &automaton{program: program, refused: &state{}, states: map[string]*state{}}
	if !a.classify() {
		return nil
	}
	if a.start = a.state([]uint32{uint32(program.Start)}); a.start == nil {
		return nil
	}
	return a
}

// classify finds ranges of characters that no instruction tells apart.
func (a *automaton) classify() bool {
	a.bounds = []rune{0}
	var reads []*syntax.Inst
	for i := range a.program.Inst {
		in := &a.program.Inst[i]
		switch in.Op {
		case syntax.InstRune, syntax.InstRune1:
			a.bounds = append(a.bounds, edges(in)...)
		case syntax.InstRuneAnyNotNL:
			a.bounds = append(a.bounds, '\n', '\n'+1)
		case syntax.InstRuneAny:
		default:
			continue
		}
		reads = append(reads, in)
	}
	slices.Sort(a.bounds)
	a.bounds = slices.Compact(a.bounds)
	if len(a.bounds)*len(reads) > maxSamples {
		return false
	}
	numbers := map[string]uint16{}
	key := make([]byte, len(reads))
	for _, r := range a.bounds {
		for i, in := range reads {
			key[i] = 0
			if in.MatchRune(r) {
				key[i] = 1
			}
		}
		class, ok := numbers[string(key)]
		if !ok {
			class = uint16(len(numbers))
			numbers[string(key)] = class
			a.samples = append(a.samples, r)
		}
		if len(numbers) > maxLinks/2 {
			return false
		}
		a.classes = append(a.classes, class)
	}
	for r := range a.ascii {
		a.ascii[r] = a.search(rune(r))
	}
	return true
}

// edges returns where the characters that an instruction reads begin and end.
func edges(in *syntax.Inst) []rune {
	var out []rune
	if len(in.Rune) == 1 {
		out = append(out, in.Rune[0], in.Rune[0]+1)
		if syntax.Flags(in.Arg)&syntax.FoldCase != 0 {
			for r := unicode.SimpleFold(in.Rune[0]); r != in.Rune[0]; r = unicode.SimpleFold(r) {
				out = append(out, r, r+1)
			}
		}
		return out
	}
	for i := 0; i+1 < len(in.Rune); i += 2 {
		out = append(out, in.Rune[i], in.Rune[i+1]+1)
	}
	return out
}

func (a *automaton) class(r rune) uint16 {
	if r < utf8.RuneSelf {
		return a.ascii[r]
	}
	return a.search(r)
}

func (a *automaton) search(r rune) uint16 {
	i, found := slices.BinarySearch(a.bounds, r)
	if !found {
		i--
	}
	return a.classes[i]
}

// state returns the state of what can be reached from instructions without
// reading, nil when there are too many.
func (a *automaton) state(from []uint32) *state {
	s := &state{}
	seen := map[uint32]bool{}
	for len(from) > 0 {
		pc := from[len(from)-1]
		from = from[:len(from)-1]
		if seen[pc] {
			continue
		}
		seen[pc] = true
		switch in := &a.program.Inst[pc]; in.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			from = append(from, in.Out, in.Arg)
		case syntax.InstCapture, syntax.InstNop:
			from = append(from, in.Out)
		case syntax.InstMatch:
			s.accepts = true
		case syntax.InstFail:
		default:
			s.reads = append(s.reads, pc)
		}
	}
	slices.Sort(s.reads)
	key := []byte{0}
	if s.accepts {
		key[0] = 1
	}
	for _, pc := range s.reads {
		key = binary.LittleEndian.AppendUint32(key, pc)
	}
	if known := a.states[string(key)]; known != nil {
		return known
	}
	if (len(a.states)+1)*len(a.samples) > maxLinks || a.reads+len(s.reads) > maxReads {
		return nil
	}
	a.reads += len(s.reads)
	s.next = make([]atomic.Pointer[state], len(a.samples))
	a.states[string(key)] = s
	return s
}

// follow makes the state behind s for a class, and keeps that it was refused where
// there are too many: no text asks again.
func (a *automaton) follow(s *state, class uint16) *state {
	a.mu.Lock()
	defer a.mu.Unlock()
	var out []uint32
	for _, pc := range s.reads {
		if in := &a.program.Inst[pc]; in.MatchRune(a.samples[class]) {
			out = append(out, in.Out)
		}
	}
	next := a.state(out)
	if next == nil {
		next = a.refused
	}
	s.next[class].Store(next)
	return next
}

// matches calls found for each match that is not empty, from the left. It
// reports whether it could; what it found is to be forgotten where not.
func (a *automaton) matches(s string, found func(start, end int)) bool {
	steps := maxSteps * (len(s) + 1)
	for start := 0; start < len(s); {
		end, at := start, start
		for state := a.start; ; steps-- {
			if state == a.refused || steps == 0 {
				return false
			}
			if state.accepts {
				end = at
			}
			if len(state.reads) == 0 || at == len(s) {
				break
			}
			r, n := rune(s[at]), 1
			if r >= utf8.RuneSelf {
				r, n = utf8.DecodeRuneInString(s[at:])
			}
			class := a.class(r)
			next := state.next[class].Load()
			if next == nil {
				next = a.follow(state, class)
			}
			state, at = next, at+n
		}
		if end > start {
			found(start, end)
			start = end
			continue
		}
		_, n := utf8.DecodeRuneInString(s[start:])
		start += n
	}
	return true
}
