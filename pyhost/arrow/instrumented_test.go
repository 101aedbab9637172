//go:build race || asan

package arrow_test

// instrumented: under a detector, which is slow and takes memory of its own.
const instrumented = true
