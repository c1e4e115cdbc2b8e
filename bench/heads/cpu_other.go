//go:build !unix

package main

import "time"

var started = time.Now()

// cpu returns the time that has passed, where the system does not tell a
// process's own.
func cpu() time.Duration { return time.Since(started) }
