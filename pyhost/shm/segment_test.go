//go:build linux

package shm_test

import (
	"io/fs"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost/shm"
)

func TestSegment(t *testing.T) {
	s := mustCreate(t, 10000)
	require.Regexp(t, "^psm_[0-9a-f]{8}$", s.Name())
	require.Equal(t, 10000, s.Size())
	require.Equal(t, make([]byte, 10000), s.Bytes())
	info, err := os.Stat("/dev/shm/" + s.Name())
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode())

	other, err := shm.Open("/"+s.Name(), 10000)
	require.NoError(t, err)
	require.Equal(t, s.Name(), other.Name())
	require.Equal(t, 10000, other.Size())
	s.Bytes()[9999] = 7
	require.Equal(t, byte(7), other.Bytes()[9999])

	require.NoError(t, s.Unlink())
	require.ErrorIs(t, s.Unlink(), fs.ErrNotExist)
	_, err = shm.Open(s.Name(), 0)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, s.Name())
	require.NoError(t, s.Close())
	require.Equal(t, byte(7), other.Bytes()[9999], "after Unlink, and Close of another")
	require.NoError(t, other.Close())
}

func TestNames(t *testing.T) {
	own := ownName("name")
	long := own + strings.Repeat("n", 255-len(own))
	for _, name := range []string{long, "/" + own, "//" + own, "." + own + "~"} {
		s, err := shm.Create(name, 1)
		require.NoError(t, err)
		require.Equal(t, strings.TrimLeft(name, "/"), s.Name())
		require.NoError(t, s.Close())
		require.NoError(t, shm.Unlink(name))
	}
	for _, name := range []string{"/", ".", "/..", "a/b", "../x", "nul\x00", "colon:", "line\n",
		"two words", "grüße", long + "n"} {
		_, err := shm.Create(name, 1)
		require.ErrorIs(t, err, shm.ErrName, "%q", name)
		_, err = shm.Open(name, 1)
		require.ErrorIs(t, err, shm.ErrName)
		require.ErrorIs(t, shm.Unlink(name), shm.ErrName)
	}
	_, err := shm.Open("", 1)
	require.ErrorIs(t, err, shm.ErrName)
	_, err = shm.Create("colon:", 1)
	require.EqualError(t, err, `shm: create "colon:": bad name: ':' in it`)
}

func TestErrors(t *testing.T) {
	s := mustCreate(t, 100)
	for _, size := range []int{0, -1} {
		_, err := shm.Create("", size)
		require.ErrorIs(t, err, shm.ErrSize)
	}
	_, err := shm.Create(s.Name(), 5)
	require.ErrorIs(t, err, fs.ErrExist)
	_, err = shm.Open(s.Name(), -1)
	require.ErrorIs(t, err, shm.ErrSize)
	_, err = shm.Open(s.Name(), 101)
	require.ErrorIs(t, err, shm.ErrShort)
	require.ErrorContains(t, err, "it has 100 bytes of 101")
	_, err = shm.Create("", 1<<60)
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.ErrorContains(t, err, "are free in /dev/shm")

	own := ownName("odd")
	path := "/dev/shm/" + own
	for _, odd := range []struct {
		make func() error
		want error
	}{
		{func() error { return os.WriteFile(path, nil, 0o600) }, shm.ErrShort},
		{func() error { return os.Symlink(s.Name(), path) }, syscall.ELOOP},
		{func() error { return syscall.Mkfifo(path, 0o600) }, shm.ErrName},
		{func() error { return os.Mkdir(path, 0o700) }, syscall.EISDIR},
	} {
		require.NoError(t, odd.make())
		_, err = shm.Open(own, 0)
		require.ErrorIs(t, err, odd.want)
		require.NoError(t, os.Remove(path))
	}
}

func TestClosed(t *testing.T) {
	s := mustCreate(t, 100)
	require.NoError(t, s.Close())
	err := s.Close()
	require.ErrorIs(t, err, shm.ErrClosed)
	require.ErrorContains(t, err, s.Name())
	require.Nil(t, s.Bytes())
	require.Zero(t, s.Size())
	_, err = shm.Slice[byte](s, 0, 1)
	require.ErrorIs(t, err, shm.ErrClosed)
	_, err = s.Hold()
	require.ErrorIs(t, err, shm.ErrClosed)
	require.NoError(t, s.Unlink())
	var zero shm.Segment
	require.ErrorIs(t, zero.Close(), shm.ErrClosed)
	require.Nil(t, zero.Bytes())
}

func TestHold(t *testing.T) {
	before := mapped(t)
	s := mustCreate(t, 100)
	data := s.Bytes()
	first, err := s.Hold()
	require.NoError(t, err)
	second, err := s.Hold()
	require.NoError(t, err)
	require.ErrorIs(t, s.Close(), shm.ErrInUse)
	require.Nil(t, s.Bytes())
	first()
	first()
	err = s.Close()
	require.ErrorIs(t, err, shm.ErrInUse)
	require.ErrorContains(t, err, "1 times")
	data[0] = 1
	require.Equal(t, before+1, mapped(t))
	second()
	require.Equal(t, before, mapped(t))
	require.ErrorIs(t, s.Close(), shm.ErrClosed)
}

// mapped is how many segments this process has mapped.
func mapped(t *testing.T) int {
	maps, err := os.ReadFile("/proc/self/maps")
	require.NoError(t, err)
	return strings.Count(string(maps), " /dev/shm/")
}

func TestReadOnly(t *testing.T) {
	s := mustCreate(t, 100)
	s.Bytes()[5] = 5
	r, err := shm.OpenReadOnly(s.Name(), 100)
	require.NoError(t, err)
	defer r.Close()
	require.True(t, r.ReadOnly())
	require.False(t, s.ReadOnly())
	require.Equal(t, byte(5), r.Bytes()[5])
	require.NoError(t, os.Chmod("/dev/shm/"+s.Name(), 0o400))
	again, err := shm.OpenReadOnly(s.Name(), 0)
	require.NoError(t, err)
	require.NoError(t, again.Close())
	if os.Geteuid() == 0 {
		t.Log("root may write to what is read-only: not tested that it cannot be opened")
		return
	}
	_, err = shm.Open(s.Name(), 0)
	require.ErrorIs(t, err, fs.ErrPermission)
}

func TestSlice(t *testing.T) {
	s := mustCreate(t, 84)
	all, err := shm.Slice[float64](s, 0, 10)
	require.NoError(t, err)
	all[1] = 1.5
	require.Equal(t, 10, cap(all))
	part, err := shm.Slice[float64](s, 8, 9)
	require.NoError(t, err)
	require.Same(t, &all[1], &part[0])
	type celsius float32
	end, err := shm.Slice[celsius](s, 80, 1)
	require.NoError(t, err)
	require.Len(t, end, 1)
	none, err := shm.Slice[uint16](s, 84, 0)
	require.NoError(t, err)
	require.Empty(t, none)
	for _, c := range []struct {
		offset, n int
		want      error
	}{
		{0, 11, shm.ErrShort}, {80, 1, shm.ErrShort}, {88, 0, shm.ErrShort},
		{0, 1 << 62, shm.ErrShort}, {1 << 62, 1 << 62, shm.ErrShort},
		{4, 1, shm.ErrMisaligned}, {-8, 1, shm.ErrSize}, {0, -1, shm.ErrSize},
	} {
		_, err := shm.Slice[float64](s, c.offset, c.n)
		require.ErrorIs(t, err, c.want, "%d %d", c.offset, c.n)
	}
}

// Many goroutines, one of which closes it: what they get is the memory, or an error.
func TestConcurrentClose(t *testing.T) {
	before := mapped(t)
	for range 100 {
		s := mustCreate(t, 1<<16)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				release, err := s.Hold()
				if err != nil {
					require.ErrorIs(t, err, shm.ErrClosed)
					return
				}
				defer release()
				if data := s.Bytes(); data != nil {
					_ = data[len(data)-1]
				}
			})
		}
		wg.Go(func() {
			if err := s.Close(); err != nil {
				require.ErrorIs(t, err, shm.ErrInUse)
			}
		})
		wg.Wait()
		require.Equal(t, before, mapped(t))
		require.NoError(t, s.Unlink())
	}
}

// Nothing stays behind: no descriptor, no mapping, no name.
func TestNoLeak(t *testing.T) {
	count := func(folder string) int {
		list, err := os.ReadDir(folder)
		require.NoError(t, err)
		return len(list)
	}
	round := func(n int) {
		for range n {
			s, err := shm.Create("", 4096)
			require.NoError(t, err)
			o, err := shm.Open(s.Name(), 0)
			require.NoError(t, err)
			_, err = shm.Create(s.Name(), 4096)
			require.Error(t, err)
			s.Bytes()[0] = 255
			_, err = shm.OpenList(s.Name())
			require.ErrorIs(t, err, shm.ErrNotList)
			require.NoError(t, s.Close())
			require.NoError(t, o.Close())
			require.NoError(t, s.Unlink())
		}
	}
	round(1)
	descriptors, maps := count("/proc/self/fd"), mapped(t)
	round(1000)
	require.Equal(t, descriptors, count("/proc/self/fd"))
	require.Equal(t, maps, mapped(t))
}

func TestCloseOfNil(t *testing.T) {
	require.NoError(t, (*shm.Segment)(nil).Close())
	require.NoError(t, (*shm.List)(nil).Close())
	require.NoError(t, (*shm.Manager)(nil).Close())
}
