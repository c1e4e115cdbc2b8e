package source

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
)

// Share is a share of a source's records, drawn by chance: those that stand
// between From and To, fractions of all, once the records are shuffled by Seed.
// Shares that do not overlap have no record in common. A share keeps the
// records' order, and has as many as it says, to the nearest number.
type Share struct {
	From, To float64
	Seed     uint64
	// By names a field, each of whose values is divided by itself, so that
	// every share has its part of them; "" divides all records at once.
	By string
}

// shareReader leaves out the records of other shares.
type shareReader struct {
	Reader
	keep []bool
	next int
}

// openShare goes through the source once to know how many records there are.
func openShare(s Source, fields []string) (Reader, error) {
	p := s.Share
	s.Share = nil
	strata, n, err := p.strata(s, fields)
	if err != nil {
		return nil, err
	}
	r, err := s.records(fields)
	if err != nil {
		return nil, err
	}
	return &shareReader{Reader: r, keep: p.keep(strata, n)}, nil
}

// strata returns the records' numbers by what is to be divided by itself, and
// how many there are. A broken record is one, too.
func (p *Share) strata(s Source, fields []string) (map[string][]int, int, error) {
	if p.By != "" {
		fields = []string{p.By}
	}
	r, err := s.records(fields)
	if err != nil {
		return nil, 0, err
	}
	strata := map[string][]int{}
	for n := 0; ; n++ {
		rec, err := r.Next()
		if err == io.EOF {
			return strata, n, r.Close()
		}
		var broken *Error
		if err != nil && (!errors.As(err, &broken) || !broken.Example) {
			return nil, 0, errors.Join(err, r.Close())
		}
		of := ""
		if err == nil && p.By != "" {
			f, ok := rec.Fields[p.By]
			if !ok || f.List || f.Marked {
				return nil, 0, errors.Join(rec.Errorf("there is no field %q with one value to divide the examples by", p.By), r.Close())
			}
			of = f.Text
		}
		strata[of] = append(strata[of], n)
	}
}

// keep marks the share's records.
func (p *Share) keep(strata map[string][]int, n int) []bool {
	keep := make([]bool, n)
	for i, of := range sortedKeys(strata) {
		records := strata[of]
		m := float64(len(records))
		order := rand.New(rand.NewPCG(p.Seed, uint64(i))).Perm(len(records))
		for _, j := range order[int(p.From*m+0.5):min(int(p.To*m+0.5), len(records))] {
			keep[records[j]] = true
		}
	}
	return keep
}

func (r *shareReader) Next() (*Record, error) {
	for {
		rec, err := r.Reader.Next()
		if err == io.EOF {
			return nil, err
		}
		var broken *Error
		if err != nil && (!errors.As(err, &broken) || !broken.Example) {
			return nil, err
		}
		if r.next >= len(r.keep) {
			return nil, errors.Join(fmt.Errorf("data: the source has more records than when they were counted; did a file change meanwhile?"), err)
		}
		r.next++
		if r.keep[r.next-1] {
			return rec, err
		}
	}
}
