from coterie.language.encoder import NoEncoder as TfidfEncoder
