package train

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"espalier/task"
)

// TestAheadFillsTheNextWhileOneIsUsed: using a feed waits here until the next
// one is being filled, which would never come if filling waited its turn; that
// after the next one is not filled before the first is given back.
func TestAheadFillsTheNextWhileOneIsUsed(t *testing.T) {
	const n = 20
	filled := make([]chan struct{}, n+1)
	for i := range filled {
		filled[i] = make(chan struct{})
	}
	close(filled[n])
	var used atomic.Int64
	var order []int
	err := ahead(context.Background(), n, func(i int, f *feed) error {
		if int64(i)-used.Load() >= inFlight {
			t.Errorf("feed %d is filled after %d were used", i, used.Load())
		}
		f.batch.SetSize(task.Examples, i+1)
		close(filled[i])
		return nil
	}, func(i int, f *feed) error {
		<-filled[i+1]
		order = append(order, i)
		if f.batch.Size(task.Examples) != i+1 {
			t.Errorf("feed %d holds batch %d", i, f.batch.Size(task.Examples)-1)
		}
		used.Add(1)
		return nil
	})
	if err != nil || len(order) != n {
		t.Errorf("got %v after %v", err, order)
	}
}

// TestAheadStops: at an error of either side and at the end of the context,
// with that error; nothing is filled or used any more.
func TestAheadStops(t *testing.T) {
	broken := errors.New("broken")
	for _, c := range []struct {
		name             string
		fillAt, useAt    int // that fails; -1: none
		cancelAt, usedTo int
		want             error
	}{
		{"nothing", -1, -1, -1, 10, nil},
		{"filling the first", 0, -1, -1, 0, broken},
		{"filling a later one", 5, -1, -1, 5, broken},
		{"using", -1, 3, -1, 4, broken},
		{"cancelled", -1, -1, 6, 7, context.Canceled},
		{"cancelled at once", -1, -1, 0, 1, context.Canceled},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			var over atomic.Bool
			used := 0
			err := ahead(ctx, 10, func(i int, _ *feed) error {
				time.Sleep(time.Millisecond)
				if over.Load() {
					t.Error("a feed is filled after the end")
				}
				if i == c.fillAt {
					return broken
				}
				return nil
			}, func(i int, _ *feed) error {
				used++
				if i == c.cancelAt {
					cancel()
				}
				if i == c.useAt {
					return broken
				}
				return nil
			})
			over.Store(true)
			time.Sleep(3 * time.Millisecond) // a goroutine left behind would fill now
			if !errors.Is(err, c.want) || used != c.usedTo {
				t.Errorf("got %v after %d feeds, want %v after %d", err, used, c.want, c.usedTo)
			}
		})
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := ahead(ctx, 3, func(int, *feed) error { return nil }, func(int, *feed) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that is over: %v", err)
	}
}
