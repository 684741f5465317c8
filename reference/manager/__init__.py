"""The session manager: sessions in memory, saved whole."""
