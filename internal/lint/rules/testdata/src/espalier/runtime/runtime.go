package runtime

type Named struct{ Name string }

// Lists of named values have no order.
func list(m map[string]int) (out []Named, bad []*Named) {
	for k := range m {
		out = append(out, Named{k})
		bad = append(bad, &Named{k}) // want `lists a map in its order`
	}
	return out, bad
}
