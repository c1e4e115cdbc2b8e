package room

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log" // the package alone is no fault
	"math/rand"
	randv2 "math/rand/v2"
	"os"
	"sort"
	"strings"
	"time"
)

var ErrGone = errors.New("gone")

func orders(m map[string]float64, w io.Writer, r *randv2.Rand) ([]string, []string, float64) {
	var unsorted, sorted []string
	sum, count := 0.0, 0
	for k, x := range m {
		fmt.Fprintln(w, k)             // want `writes in the order of a map`
		json.NewEncoder(w).Encode(x)   // want `writes in the order of a map`
		_ = r.Float64()                // want `draws in the order of a map`
		sum += x                       // want `adds floats up in the order of a map`
		unsorted = append(unsorted, k) // want `lists a map in its order`
		sorted = append(sorted, k)
		count++
		var own strings.Builder
		own.WriteString(k)
		inner := 0.0
		inner += x
		mine := randv2.New(randv2.NewPCG(1, uint64(len(k))))
		_ = mine.Float64()
	}
	sort.Strings(sorted)
	for _, k := range sorted {
		fmt.Fprintln(w, k)
		sum += m[k]
	}
	return unsorted, sorted, sum
}

func wraps(err error, name string) error {
	if name == "" {
		return fmt.Errorf("%s: %*d: %w", name, 3, 4, err)
	}
	if name == "allowed" {
		//lint:allow wrapped the caller must not see it
		return fmt.Errorf("%v", err)
	}
	if name == "other" {
		//lint:allow maporder is another rule
		return fmt.Errorf("%v", err) // want `an error written by %v is lost`
	}
	return fmt.Errorf("%%, %-3q: %s", name, err) // want `an error written by %s is lost`
}

func compares(err error) bool {
	if err == io.EOF || err == nil || errors.Is(err, ErrGone) {
		return true
	}
	return err == ErrGone || os.ErrNotExist != err // want `compares an error with room.ErrGone` `compares an error with os.ErrNotExist`
}

func times() time.Duration {
	start := time.Now()      // want `the library reads the clock`
	return time.Since(start) // want `the library reads the clock`
}

func draws() float64 {
	randv2.Shuffle(3, func(i, j int) {}) // want `rand.Shuffle has no seed`
	return rand.Float64() +              // want `rand.Float64 has no seed`
		rand.New(rand.NewSource(1)).Float64() + randv2.New(randv2.NewPCG(1, 2)).Float64()
}

func writes(name string) error {
	if _, err := os.Create(name); err != nil { // want `os.Create leaves half a file`
		return err
	}
	_, err := os.ReadFile(name)
	return errors.Join(err, os.WriteFile(name, nil, 0o644)) // want `os.WriteFile leaves half a file`
}

func talks() {
	fmt.Println("x")            // want `a library prints by fmt.Println`
	fmt.Fprintln(os.Stderr, "") // want `a library prints by os.Stderr`
	log.Print("x")              // want `a library prints by log.Print`
}
