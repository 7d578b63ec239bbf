/* SPDX-License-Identifier: Apache-2.0 */
/* Driver side of virtio, on any transport: agreeing on features (virtio 1.2, section 3.1.1), and configuration. */
#include <libsys/virtio_driver.h>

enum {
	STATUS_ACKNOWLEDGE = 1,
	STATUS_DRIVER = 2,
	STATUS_DRIVER_OK = 4,
	STATUS_FEATURES_OK = 8,
	STATUS_NEEDS_RESET = 0x40,
	STATUS_FAILED = 0x80,
};

/* Looks at the status register; each takes about a microsecond. */
#define RESET_LOOKS 1000000u
/* A configuration that changes at each of so many reads is not waited for. */
#define CONFIG_TRIES 16u

static bool reset(struct virtio_driver *driver)
{
	driver->ops->set_status(driver, 0);
	for (unsigned i = 0; i < RESET_LOOKS; i++) {
		if (driver->ops->status(driver) == 0)
			return true;
	}
	return false;
}

static enum err give_up(struct virtio_driver *driver, uint8_t status)
{
	driver->ops->set_status(driver, status | STATUS_FAILED);
	return ERR_RANGE;
}

enum err virtio_driver_negotiate(struct virtio_driver *driver, uint64_t wanted, uint64_t needed, uint64_t *agreed)
{
	const struct virtio_transport_ops *ops = driver->ops;
	uint8_t status = STATUS_ACKNOWLEDGE;
	uint64_t features;

	if (!reset(driver))
		return ERR_TIMED_OUT;
	ops->set_status(driver, status);
	status |= STATUS_DRIVER;
	ops->set_status(driver, status);
	needed |= VIRTIO_F_VERSION_1;
	features = ops->features(driver) & (wanted | needed);
	if (needed & ~features)
		return give_up(driver, status);
	ops->accept(driver, features);
	status |= STATUS_FEATURES_OK;
	ops->set_status(driver, status);
	if (!(ops->status(driver) & STATUS_FEATURES_OK))
		return give_up(driver, status);
	if (agreed)
		*agreed = features;
	return ERR_OK;
}

void virtio_driver_start(struct virtio_driver *driver)
{
	driver->ops->set_status(driver, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK | STATUS_DRIVER_OK);
}

void virtio_driver_reset(struct virtio_driver *driver)
{
	(void)reset(driver);
}

bool virtio_driver_broken(struct virtio_driver *driver)
{
	return driver->ops->status(driver) & STATUS_NEEDS_RESET;
}

uint64_t virtio_driver_config(struct virtio_driver *driver, unsigned offset, unsigned size)
{
	uint64_t value;

	if (offset > driver->device_config_size || size > driver->device_config_size - offset)
		return 0;
	if (size < 8)
		return driver->ops->config(driver, offset, size);
	for (unsigned i = 0; i < CONFIG_TRIES; i++) {
		uint8_t before = driver->ops->generation(driver);

		value = driver->ops->config(driver, offset, 4);
		value |= (uint64_t)driver->ops->config(driver, offset + 4, 4) << 32;
		if (driver->ops->generation(driver) == before)
			break;
	}
	return value;
}
