package defaultipam

// Is laid beside the built-in allocator, whose methods of these names are renamed: its tests ask Berth in their place,
// through the remote driver that dockerd uses.

import (
	"fmt"
	"maps"
	"math/rand"
	"net"
	"os"
	"strings"
	"sync"

	"github.com/moby/moby/v2/daemon/libnetwork/ipamapi"
	"github.com/moby/moby/v2/daemon/libnetwork/ipams/remote"
)

var (
	berth  ipamapi.Ipam
	spaces sync.Map
	made   int
	lock   sync.Mutex
)

func init() {
	var err error
	if berth, err = remote.At(os.Getenv("BERTH_SOCKET")); err != nil {
		panic(err)
	}
}

// Each allocator of a test is a fleet of its own.
func (a *Allocator) spaceOf(name string) string {
	if name != localAddressSpace && name != globalAddressSpace {
		return name
	}
	lock.Lock()
	defer lock.Unlock()
	number, ok := spaces.Load(a)
	if !ok {
		made++
		number = made
		spaces.Store(a, number)
	}
	return fmt.Sprintf("%s-%s-%v", os.Getenv("BERTH_SPACE"), strings.TrimSuffix(name, "Default"), number)
}

var words = []error{
	ipamapi.ErrNoAvailableIPs, ipamapi.ErrIPOutOfRange, ipamapi.ErrIPAlreadyAllocated, ipamapi.ErrNoMoreSubnets,
	ipamapi.ErrPoolOverlap, ipamapi.ErrInvalidPool, ipamapi.ErrInvalidSubPool,
}

// What crosses a socket is text: its words say which of Docker's errors it is.
func typed(err error) error {
	if err == nil {
		return nil
	}
	for _, known := range words {
		if strings.Contains(strings.ToLower(err.Error()), strings.ToLower(known.Error())) {
			return fmt.Errorf("%w: %w", known, err)
		}
	}
	return err
}

func (a *Allocator) RequestPool(req ipamapi.PoolRequest) (ipamapi.AllocatedPool, error) {
	req.AddressSpace = a.spaceOf(req.AddressSpace)
	options := map[string]string{
		"berth.order": "serial", "berth.gateway": "none", "berth.exclusive": "true", "berth.cooldown": "2s",
	}
	maps.Copy(options, req.Options)
	req.Options = options
	pool, err := berth.RequestPool(req)
	return pool, typed(err)
}

func (a *Allocator) ReleasePool(poolID string) error {
	return typed(berth.ReleasePool(poolID))
}

// dockerd tells the MAC of each endpoint.
func (a *Allocator) RequestAddress(poolID string, address net.IP, opts map[string]string) (*net.IPNet, map[string]string, error) {
	options := map[string]string{"com.docker.network.endpoint.macaddress": mac()}
	maps.Copy(options, opts)
	got, data, err := berth.RequestAddress(poolID, address, options)
	return got, data, typed(err)
}

func (a *Allocator) ReleaseAddress(poolID string, address net.IP) error {
	return typed(berth.ReleaseAddress(poolID, address))
}

func mac() string {
	return fmt.Sprintf("02:%02x:%02x:%02x:%02x:%02x", rand.Intn(256), rand.Intn(256), rand.Intn(256), rand.Intn(256), rand.Intn(256))
}
