"""An autoencoder of one's own collection: trained, and shown by what it draws."""
