"""From a raw event to a sighting: place, network, device, pseudonyms."""
