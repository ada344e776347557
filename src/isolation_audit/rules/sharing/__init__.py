"""IA206: engines of nobody that keep what users leave."""
