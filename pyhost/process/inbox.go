//go:build linux

package process

import (
	"errors"
	"io"
	"syscall"
)

// inbox is what has come and was not read yet. One goroutine at a time reads.
type inbox struct {
	read     func([]byte) (int, error)
	buf      []byte
	from, to int
	fds      []int  // descriptors that came
	total    uint64 // bytes that have come
}

// next gives a frame that has come; ok is false if none has come as a whole.
func (in *inbox) next() (f frame, ok bool, err error) {
	f, n, err := parseFrame(in.buf[in.from:in.to])
	in.from += n
	return f, n > 0, err
}

// alone: nothing more has come.
func (in *inbox) alone() bool { return in.from == in.to }

// fill waits for more.
func (in *inbox) fill() error {
	if in.from > 0 {
		in.to = copy(in.buf, in.buf[in.from:in.to])
		in.from = 0
	}
	if in.to == len(in.buf) {
		in.buf = append(in.buf, make([]byte, len(in.buf))...)
	}
	n, err := in.read(in.buf[in.to:])
	in.to += n
	in.total += uint64(n)
	if n == 0 && err == nil {
		err = io.EOF
	}
	return err
}

// receiver reads descriptors too. It blocks its thread: a worker has nothing else to do as a rule,
// and Go's poller would take half as long again as a short call does.
func (in *inbox) receiver(fd int) func([]byte) (int, error) {
	oob := make([]byte, 256)
	return func(b []byte) (int, error) {
		for {
			n, oobn, _, _, err := syscall.Recvmsg(fd, b, oob, syscall.MSG_CMSG_CLOEXEC)
			if errors.Is(err, syscall.EINTR) {
				continue
			}
			if oobn > 0 {
				in.receive(oob[:oobn])
			}
			return max(n, 0), err
		}
	}
}

func (in *inbox) receive(oob []byte) {
	msgs, _ := syscall.ParseSocketControlMessage(oob)
	for _, m := range msgs {
		fds, _ := syscall.ParseUnixRights(&m)
		in.fds = append(in.fds, fds...)
	}
}

var errNoFile = errors.New("the descriptor of shared memory did not come: too many open files?")

// fd is the descriptor that came with the frame at hand.
func (in *inbox) fd() (int, error) {
	if len(in.fds) == 0 {
		return -1, errNoFile
	}
	fd := in.fds[0]
	in.fds = in.fds[1:]
	return fd, nil
}
